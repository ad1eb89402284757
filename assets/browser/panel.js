// The page's side of "Run it in this browser": starts the worker, hands it texts, and shows what it says. What strangers wrote
// (labels, names) is put into the page as text, never as HTML. The words are the page's, filled in by it.
(words) => {
  if (window.compressorBrowser) return;
  const LABELS = 5;
  let worker = null, told = null, run = null, ready = null, waiting = null, asked = 0, counter = null, asks = 0;

  const place = () => document.querySelector("#browser-here");
  const say = (key, values = {}) => words[key].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
  const clip = (text, most) => (text.length > most ? `${text.slice(0, most - 1).trimEnd()}…` : text);

  function node(tag, className, ...inside) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...inside);
    return made;
  }

  function show(...nodes) {
    place()?.replaceChildren(...nodes);
  }

  const note = (text) => show(node("p", "empty", text));

  function problem(text) {
    const said = node("div", "say say-problem", node("p", "", text));
    said.setAttribute("role", "alert");
    show(said);
  }

  function size(bytes) {
    const units = ["bytes", "kB", "MB", "GB"];
    let unit = 0;
    for (; bytes >= 999.5 && unit < 3; unit++) bytes /= 1000;
    return `${bytes < 9.95 && unit ? bytes.toFixed(1) : bytes.toFixed(0)} ${units[unit]}`;
  }

  const time = (ms) => `${ms < 1 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : ms.toFixed(0)} ms`;

  /** End the worker: its memory goes with it. */
  function letGo() {
    worker?.terminate();
    [worker, told, run, ready, waiting, counter] = [null, null, null, null, null, null];
    show();
  }

  function press(id, text, pair) {
    if (!(text || "").trim()) return note(words.no_text);
    if (typeof WebAssembly === "undefined" || typeof Worker === "undefined") return problem(words.no_wasm);
    waiting = { text, pair: (pair || "").trim() ? pair : null };
    if (worker && run === id) return ready ? send() : undefined; // it is being loaded: the text waits
    const kept = waiting;
    letGo();
    [run, waiting] = [id, kept];
    note(words.preparing);
    asks++;
    document.querySelector("#browser-ask").click(); // the server is asked for the model; it is told no text
  }

  /** The server's answer: where the model's files are, or a sentence why not. */
  function hear(answer) {
    asks--;
    if (!waiting || worker) return;
    const found = JSON.parse(answer || "{}");
    if (found.run !== run) return;
    if (found.say) {
      run = null;
      return problem(found.say);
    }
    told = found;
    const root = `${(window.gradio_config?.root || location.origin).replace(/\/$/, "")}/`;
    const url = (path) => new URL(path, root).href;
    worker = new Worker(url(`${found.runtime}worker.js`), { type: "module" });
    worker.onmessage = ({ data }) => on[data.type](data);
    worker.onerror = () => on.error({ kind: "network" });
    const files = Object.fromEntries(Object.entries(found.files).map(([name, one]) => [name, { ...one, url: url(one.url) }]));
    worker.postMessage({ type: "load", runtime: url(found.runtime), files, told: found.facts });
  }

  /** The server gave no answer at all. */
  function unheard() {
    if (--asks > 0 || !waiting || worker) return; // another was asked for since, and may still be answered
    [run, waiting] = [null, null];
    problem(words.not_fetched);
  }

  /** How far the download is. Where it is read out, that it goes on is said once: each piece that comes would be a sentence. */
  function count(done, total) {
    if (!counter?.isConnected) {
      counter = node("p", "empty");
      counter.setAttribute("aria-hidden", "true");
      show(node("p", "visually-hidden", words.preparing), counter);
    }
    counter.textContent = say("loading", { done: size(done), total: size(total) });
  }

  function send() {
    worker.postMessage({ type: "run", id: ++asked, ...waiting });
    waiting = null;
  }

  const on = {
    progress: ({ done, total }) => count(done, total),
    ready: (data) => {
      ready = data;
      if (waiting) send();
    },
    answer: (data) => data.id === asked && show(card(data)),
    error: ({ kind, why }) => {
      letGo();
      problem(kind === "network" ? words.not_fetched : say("failed", { why: clip(why || "", 200) }));
    },
  };

  function card({ labels, ms, calls, id }) {
    const dot = node("span", `dot mark-${Math.min(told.mark, 7)}`);
    const name = node("span", "", dot, say("name", { name: clip(told.name, 60) }));
    const head = node("h4", "", name, node("small", "", say("ms", { ms: time(ms) })));
    const where = say("how", { n: calls, where: words[ready.device] });
    const loaded = say("loaded", { seconds: ready.seconds.toFixed(1), size: size(ready.bytes) });
    const made = node("section", "answer", head, ...labels.slice(0, LABELS).map(score),
                      node("p", "small", where), node("p", "small", loaded));
    Object.assign(made.dataset, { asked: id, device: ready.device });
    return node("div", "answers", made);
  }

  function score({ label, score: value }) {
    const inside = told.facts.kind !== "regression" && value >= 0 && value <= 1;
    const shown = inside ? `${(value * 100).toFixed(1)} %` : String(Number(value.toPrecision(3)));
    const line = node("div", "score", node("span", "", clip(label, 60)), node("span", "", shown));
    if (inside) {
      const filled = node("span", "");
      filled.style.width = `${(value * 100).toFixed(1)}%`;
      const bar = node("span", "bar", filled);
      bar.setAttribute("aria-hidden", "true");
      line.append(bar);
    }
    return line;
  }

  window.compressorBrowser = { press, hear, unheard, letGo };
}
