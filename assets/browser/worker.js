// Runs one version of a model in the visitor's browser, in a thread of its own: when this worker is ended, all of its memory is
// free again. Whatever transformers.js asks for comes from the files that the page was lent; it can reach nothing else.
//
// In:   {type: "load", runtime, files: {name: {url, bytes}}, told: {labels, kind, limit, side}}, then {type: "run", id, text, pair}
// Out:  {type: "progress", done, total}, {type: "ready", seconds, bytes, device}, {type: "answer", id, labels, ms, calls, tokens},
//       {type: "error", kind: "network" | "other", why}

const PROCESSOR = "ort-wasm-simd-threaded", GRAPHICS = "ort-wasm-simd-threaded.asyncify";
const CALLS = 5;
const PATIENCE = 3000; // milliseconds after which no further call is made for the sake of a better median
const CLOSE = 0.05; // between the scores of the graphics card and of the processor
const WARM = "A first text, to get everything going.";
let library, told, tokenizer, model, device;
let done = 0, total = 0;
let line = Promise.resolve(); // one thing at a time, in the order of asking

class Network extends Error {}

self.onmessage = ({ data }) => {
  line = line.then(async () => {
    try {
      if (data.type === "load") await load(data);
      else postMessage({ type: "answer", id: data.id, ...(await answer(data.text, data.pair)) });
    } catch (error) {
      postMessage({ type: "error", kind: error instanceof Network ? "network" : "other", why: String(error?.message ?? error) });
    }
  });
};

// ---------------------------------------------------------------------- loading

async function load({ runtime, files, told: facts }) {
  const begun = performance.now();
  told = facts;
  total = Object.values(files).reduce((sum, one) => sum + one.bytes, 0);
  const adapter = await graphics();
  const build = `${runtime}${adapter ? GRAPHICS : PROCESSOR}`;
  const parts = Promise.all(Object.entries(files).map(async ([name, { url }]) => [`/model/${name}`, await fetched(url)]));
  const [main, mjs, wasmBinary, kept] = await Promise.all([
    script(`${runtime}transformers.min.js`), script(`${build}.mjs`), fetched(`${build}.wasm`, true), parts.then((all) => new Map(all)),
  ]);
  library = await import(main);
  confine(kept);
  const wasmPaths = { mjs, wasm: `${build}.wasm` };
  Object.assign(library.env.backends.onnx.wasm, { wasmPaths, wasmBinary, numThreads: 1 });
  tokenizer = await library.AutoTokenizer.from_pretrained("model");
  [model, device] = [await open("wasm"), "wasm"];
  const slow = await answer(WARM, null);
  if (adapter) await tryGraphics(slow);
  kept.clear();
  postMessage({ type: "ready", seconds: (performance.now() - begun) / 1000, bytes: done, device });
}

/** A graphics card, where there is a real one: one that the processor plays is slower than the processor itself. */
async function graphics() {
  const adapter = await Promise.resolve(self.navigator.gpu?.requestAdapter()).catch(() => null);
  return adapter?.info?.isFallbackAdapter ? null : adapter;
}

/** A script, fetched here so that its bytes are counted too. */
async function script(url) {
  return URL.createObjectURL(new Blob([await fetched(url, true)], { type: "text/javascript" }));
}

/** A file's content, counted as it comes. `unforeseen`: its size is learnt from the answer. */
async function fetched(url, unforeseen = false) {
  const response = await fetch(url).catch((error) => { throw new Network(error.message); });
  if (!response.ok) throw new Network(`${response.status}`);
  if (unforeseen) total += Number(response.headers.get("content-length")) || 0;
  const pieces = [];
  for (const reader = response.body.getReader(); ; ) {
    const { value, done: over } = await reader.read().catch((error) => { throw new Network(error.message); });
    if (over) return await new Blob(pieces).arrayBuffer();
    pieces.push(value);
    done += value.byteLength;
    postMessage({ type: "progress", done, total: Math.max(total, done) });
  }
}

/** The library reads these files alone, asks no other place, and leaves nothing behind in the browser. */
function confine(kept) {
  const { env } = library;
  env.fetch = async (address) => {
    const content = kept.get(String(address));
    if (!content) return new Response(null, { status: 404 });
    return new Response(content, { headers: { "content-length": String(content.byteLength) } });
  };
  Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: "/", useBrowserCache: false,
                       useWasmCache: false, useFS: false, useFSCache: false });
  env.logLevel = library.LogLevel?.ERROR ?? env.logLevel; // its warnings are for programmers
}

const open = (on) => library.AutoModelForSequenceClassification.from_pretrained("model", {
  device: on, dtype: "q8", subfolder: "onnx", model_file_name: "model", use_external_data_format: false,
});

/** The graphics card, where it answers as the processor does, and sooner. */
async function tryGraphics(slow) {
  const processor = model;
  try {
    model = await open("webgpu");
    const quick = await answer(WARM, null);
    const of = Object.fromEntries(slow.labels.map(({ label, score }) => [label, score]));
    const same = quick.labels.every(({ label, score }) => Math.abs(score - of[label]) <= CLOSE * Math.max(1, Math.abs(of[label])));
    if (same && quick.ms < slow.ms) {
      device = "webgpu";
      await processor.dispose();
      return;
    }
    await model.dispose();
  } catch {
    // a card that cannot run this model is as good as none
  }
  model = processor;
}

// ---------------------------------------------------------------------- answering

async function answer(text, pair) {
  const encoded = encode(tokenizer, text, pair, { ...told, names: model.sessions.model.inputNames });
  const tokens = encoded.input_ids.length;
  const tensor = (ids) => new library.Tensor("int64", BigInt64Array.from(ids, BigInt), [1, tokens]);
  const inputs = Object.fromEntries(Object.entries(encoded).map(([name, ids]) => [name, tensor(ids)]));
  let { logits } = await model(inputs); // the first call with a new length is slower than those after it
  const times = [];
  const until = performance.now() + PATIENCE;
  do {
    const start = performance.now();
    ({ logits } = await model(inputs));
    times.push(performance.now() - start);
  } while (times.length < CALLS && performance.now() < until);
  const found = scores(Array.from(logits.data, Number)).map((score, i) => ({ label: told.labels[i], score }));
  found.sort((a, b) => b.score - a.score);
  return { labels: found, ms: median(times), calls: times.length, tokens };
}

/** Logits → probabilities that sum to one, or one each where several labels can be true, or the number itself. */
function scores(logits) {
  if (told.kind === "regression") return logits;
  if (told.kind === "multi" || told.kind === "score") return logits.map((x) => 1 / (1 + Math.exp(-x)));
  const most = Math.max(...logits);
  const shifted = logits.map((x) => Math.exp(x - most));
  const sum = shifted.reduce((a, b) => a + b, 0);
  return shifted.map((x) => x / sum);
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/**
 * A text or a pair as the model's inputs, cut as the server's tokenizer cuts it: the texts are shortened and the special tokens
 * stay. (The tokenizer of transformers.js cuts off the end, the closing special token included.)
 *
 * @param {{limit: number, side: string, names: string[]}} how the most tokens, the side that is cut, the inputs that the model takes
 * @returns {Object<string, number[]>} the numbers of each input, all of one length
 */
export function encode(tokenizer, text, pair, { limit, side, names }) {
  const options = { return_tensor: false, return_token_type_ids: names.includes("token_type_ids") };
  const plain = (one) => tokenizer(one, { ...options, add_special_tokens: false });
  const whole = (one, two) => {
    const found = tokenizer(one, { ...options, text_pair: two });
    if (two === null || found.input_ids.length > tokenizer(one, options).input_ids.length) return found;
    return joined(plain(one), plain(two)); // without special tokens to put between, the library leaves the second text out
  };
  const full = whole(text, pair), length = full.input_ids.length;
  if (length <= limit) return full;
  const { before, between, after } = frame(whole, plain, pair !== null);
  const special = before + between + after, room = Math.max(limit - special, 0);
  const first = pair === null ? length - special : plain(text).input_ids.length, second = length - special - first;
  const [one, two] = longestFirst(first, second, room);
  const range = (from, count) => Array.from({ length: count }, (_, i) => from + i);
  const part = (from, all, kept) => range(side === "left" ? from + all - kept : from, kept);
  const kept = [
    ...range(0, before), ...part(before, first, one), ...range(before + first, between),
    ...part(before + first + between, second, two), ...range(length - after, after),
  ];
  return Object.fromEntries(Object.entries(full).map(([name, values]) => [name, kept.map((at) => values[at])]));
}

const joined = (one, two) => Object.fromEntries(Object.keys(one).map((name) => [name, [...one[name], ...two[name]]]));

/** How many special tokens stand before, between and after the texts: seen on texts that hold none. */
function frame(whole, plain, isPair) {
  const a = plain("a").input_ids, b = isPair ? plain("b").input_ids : [];
  const full = whole("a", isPair ? "b" : null).input_ids;
  const find = (wanted, from) => {
    for (let at = from; at + wanted.length <= full.length; at++) if (wanted.every((id, i) => full[at + i] === id)) return at;
    throw new Error("its tokenizer is of a kind that is not known here");
  };
  const before = find(a, 0), second = find(b, before + a.length);
  return { before, between: second - before - a.length, after: full.length - second - b.length };
}

/** What stays of two texts of n and m tokens: the longer one is cut first (as the tokenizers library does it). */
function longestFirst(n, m, room) {
  if (n + m <= room) return [n, m];
  if (m === 0) return [room, 0];
  let [short, long] = n > m ? [m, n] : [n, m];
  long = short > room ? short : Math.max(short, room - short);
  if (short + long > room) [short, long] = [room >> 1, (room >> 1) + (room % 2)];
  return n > m ? [long, short] : [short, long];
}
