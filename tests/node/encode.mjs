// Reads {worker, folders, cases: [{folder, limit, side, names, texts: [[text, pair or null] …]}]} from standard input and prints,
// for each case, the model's inputs as the browser makes them of each of its texts.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { AutoTokenizer, env } from "@huggingface/transformers";

globalThis.self = globalThis; // the worker's own name for where it runs
const { worker, folders, cases } = JSON.parse(readFileSync(0, "utf-8"));
const { encode } = await import(pathToFileURL(worker));
Object.assign(env, { allowRemoteModels: false, localModelPath: folders });
const found = [];
for (const { folder, texts, ...how } of cases) {
  const tokenizer = await AutoTokenizer.from_pretrained(folder);
  found.push(texts.map(([text, pair]) => encode(tokenizer, text, pair, how)));
}
console.log(JSON.stringify(found));
