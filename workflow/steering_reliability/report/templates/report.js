// Charts that open completions, and the browser of all completions. Completions enter the page as text only, never as markup.
"use strict";

const NARROW = window.matchMedia("(max-width: 40rem)").matches;
const PAGE_SIZE = NARROW ? 20 : 50;
const HARMFUL = new Set(["harm_train", "harm_test"]);
const HELPFUL = 1, DEGENERATE = 2, CUT = 4;
const $ = (id) => document.getElementById(id);
// Names of layers in their order, each with its words.
const LAYERS = new Map();
const embedded = (id) => JSON.parse($(id).textContent);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (name === "click") made.addEventListener("click", value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// ---- completions -------------------------------------------------------------------------------------------------

async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

async function readCompletions() {
  const data = JSON.parse(await unpacked($("completions").textContent));
  const prompts = data.prompts.map(([split, id, family, style, text]) => ({ split, id, family, style, text }));
  const points = data.points.map(([role, direction, intervention, layer, alpha, seed, strength]) => (
    { role, direction, intervention, layer, alpha, seed, strength }));
  for (const [name, words] of data.layers) LAYERS.set(name, words);
  const columns = data.rows;
  const rows = columns.text.map((text, number) => ({
    number, text,
    prompt: prompts[columns.prompt[number]],
    point: points[columns.point[number]],
    sample: columns.sample[number],
    label: data.labels[columns.label[number]],
    flags: columns.flags[number],
    tokens: columns.tokens[number],
    score: columns.score[number],
    phrases: columns.phrases[number].map((place) => data.phrases[place]),
  }));
  rows.forEach((row, number) => {
    const place = columns.unsteered[number];
    row.unsteered = place < 0 || place === number ? null : rows[place];
  });
  return rows;
}

const FILTERS = {
  split: (row) => row.prompt.split,
  family: (row) => row.prompt.family,
  style: (row) => row.prompt.style,
  intervention: (row) => row.point.intervention,
  layer: (row) => row.point.layer,
  alpha: (row) => (row.point.intervention === "none" ? "" : String(row.point.alpha)),
  direction: (row) => row.point.direction,
  label: (row) => row.label,
  changed: (row) => (row.unsteered === null ? "" : row.unsteered.label === row.label ? "no"
    : `${row.unsteered.label} → ${row.label}`),
  degenerate: (row) => (row.flags & DEGENERATE ? "yes" : "no"),
  seed: (row) => String(row.point.seed),
};
const ORDER = {
  split: ["harm_train", "harm_test", "benign"],
  intervention: ["none", "add", "add_keep_norm", "clamp", "ablate", "ablate_affine"],
};

function options(name, rows) {
  const found = [...new Set(rows.map(FILTERS[name]))].filter((value) => value !== "");
  if (name === "layer") return [...LAYERS.keys()];
  if (ORDER[name]) return ORDER[name].filter((value) => found.includes(value));
  const numeric = found.every((value) => value !== "" && !Number.isNaN(Number(value)));
  return numeric ? found.sort((a, b) => a - b) : found.sort();
}

const firstWords = (text, n = 90) => { const line = text.replace(/\s+/g, " ").trim(); return line.length > n ? `${line.slice(0, n)}…` : line; };
const isHidden = (row) => HARMFUL.has(row.prompt.split) && !$("harmful").checked;

// Columns of the list: name, what is shown, what it is sorted by, whether it is shown at first.
const COLUMNS = {
  prompt: [(row) => (isHidden(row) ? `${row.prompt.family} · ${row.prompt.style}` : firstWords(row.prompt.text)), (row) => row.prompt.id, true],
  before: [(row) => chips(row.unsteered), (row) => row.unsteered?.score ?? -1, true],
  after: [(row) => chips(row), (row) => row.score, true],
  score: [(row) => row.score.toFixed(2), (row) => row.score, true],
  tokens: [(row) => String(row.tokens), (row) => row.tokens, false],
  id: [(row) => row.prompt.id, (row) => row.prompt.id, !NARROW],
  setting: [(row) => where(row.point), (row) => where(row.point), false],
  text: [(row) => (isHidden(row) ? "" : firstWords(row.text)), (row) => row.text, false],
};

function chips(row) {
  if (!row) return [];
  const words = [row.flags & HELPFUL ? "helpful" : row.label, ...(row.flags & DEGENERATE ? ["degenerate"] : [])];
  return words.flatMap((word) => [element("span", { class: `chip ${word}` }, word), " "]);
}

// The same number draws the same sample, so that an address brings it back (mulberry32).
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

class Browser {
  constructor(rows) {
    this.rows = rows;
    this.shown = [];
    this.page = 0;
    this.sampled = null;
    this.view = {};
    this.form = $("filters");
    for (const name of Object.keys(FILTERS)) {
      const values = options(name, rows);
      const select = this.form.elements[name];
      select.append(element("option", { value: "" }, "any"));
      if (name === "changed") select.append(element("option", { value: "*" }, "yes"));
      select.append(...values.map((value) => element("option", { value }, value)));
      select.closest("label").hidden = values.length < 2;
    }
    for (const [name, [, , isShown]] of Object.entries(COLUMNS)) {
      const box = element("input", { type: "checkbox", value: name });
      box.defaultChecked = isShown;
      box.addEventListener("change", (event) => { event.stopPropagation(); this.draw(); });
      $("columns").append(element("label", {}, box, ` ${name}`));
    }
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", (event) => { if (event.target.type !== "checkbox") this.changed({ ...this.view, sample: undefined }); });
    $("harmful").addEventListener("change", () => this.draw());
    $("sample").addEventListener("click", () => this.changed({ ...this.view, sample: Math.floor(Math.random() * 1e6) }));
    $("reset").addEventListener("click", () => this.filter({}));
    $("rows").addEventListener("keydown", (event) => this.walk(event));
    $("copy-markdown").addEventListener("click", () => copy(markdown(this.visible()), "Markdown"));
    $("copy-csv").addEventListener("click", () => copy(csv(this.visible()), "CSV"));
    $("download-csv").addEventListener("click", () => download("completions.csv", csv(this.shown), "text/csv"));
    for (const [id, step] of [["previous", -1], ["next", 1]]) {
      $(id).addEventListener("click", () => { this.page += step; this.draw(); $("found").focus(); });
    }
    window.addEventListener("hashchange", () => this.fromAddress());
  }

  filter(values, { scroll = false } = {}) {
    this.form.reset();
    for (const [name, value] of Object.entries(values)) {
      const field = this.form.elements[name];
      if (!field) continue;
      if (field.tagName === "SELECT" && ![...field.options].some((option) => option.value === value)) continue;
      field.value = value;
    }
    this.changed({ sort: values.sort, sample: values.sample });
    if (scroll) { $("browse").scrollIntoView(); $("found").focus({ preventScroll: true }); }
  }

  values() {
    return Object.fromEntries([...new FormData(this.form)].filter(([, value]) => value !== ""));
  }

  changed(view) {
    this.view = view;
    this.page = 0;
    this.search();
    this.draw();
    const kept = Object.entries({ ...this.values(), ...view }).filter(([, value]) => value !== undefined);
    const query = new URLSearchParams(kept).toString();
    history.replaceState(null, "", `#browse${query ? `?${query}` : ""}`);
  }

  search() {
    const { q = "", id = "", ...filters } = this.values();
    const wanted = Object.entries(filters);
    const needle = q.toLowerCase();
    this.shown = this.rows.filter((row) => {
      for (const [name, value] of wanted) {
        const found = FILTERS[name](row);
        if (value === "*" ? found === "" || found === "no" : found !== value) return false;
      }
      if (id && row.prompt.id !== id) return false;
      return !needle || row.text.toLowerCase().includes(needle) || row.prompt.text.toLowerCase().includes(needle);
    });
    this.sampled = null;
    if (this.view.sample !== undefined) this.draw10(randomFrom(Number(this.view.sample)));
    if (this.view.sort) this.order();
  }

  draw10(random) {
    const rest = [...this.shown];
    for (let place = rest.length - 1; place > 0; place -= 1) {
      const other = Math.floor(random() * (place + 1));
      [rest[place], rest[other]] = [rest[other], rest[place]];
    }
    this.sampled = rest.length;
    this.shown = rest.slice(0, 10);
  }

  order() {
    const [, down, name] = /^(-?)(.*)$/.exec(this.view.sort);
    if (!COLUMNS[name]) return;
    const by = COLUMNS[name][1];
    const compare = (one, other) => (typeof one === "number" ? one - other : one.localeCompare(other, "en", { numeric: true }));
    this.shown.sort((a, b) => (down ? -1 : 1) * compare(by(a), by(b)));
  }

  visible() {
    return this.shown.slice(this.page * PAGE_SIZE, (this.page + 1) * PAGE_SIZE);
  }

  draw() {
    const pages = Math.max(1, Math.ceil(this.shown.length / PAGE_SIZE));
    const count = this.shown.length.toLocaleString("en");
    $("found").textContent = this.sampled === null
      ? `${count} of ${this.rows.length.toLocaleString("en")} completions, page ${this.page + 1} of ${pages}`
      : `${count} at random of ${this.sampled.toLocaleString("en")} completions`;
    $("previous").disabled = this.page === 0;
    $("next").disabled = this.page + 1 >= pages;
    const names = [...$("columns").querySelectorAll(":checked")].map((box) => box.value);
    if (!names.includes("prompt")) names.unshift("prompt");
    $("grid").tHead.replaceChildren(element("tr", {}, ...names.map((name) => this.heading(name))));
    $("rows").replaceChildren(...this.visible().map((row) => this.line(row, names)));
    this.read(this.visible()[0]);
  }

  heading(name) {
    const { sort } = this.view;
    const order = sort === name ? "ascending" : sort === `-${name}` ? "descending" : "none";
    const next = sort === name ? `-${name}` : name;
    const button = element("button", { type: "button", click: () => { this.changed({ ...this.view, sort: next }); $("grid").querySelector(`[data-sort=${name}]`).focus(); },
      "data-sort": name }, `${name}${{ ascending: " ▲", descending: " ▼", none: "" }[order]}`);
    return element("th", { scope: "col", "aria-sort": order }, button);
  }

  line(row, names) {
    const [first, ...others] = names;
    const button = element("button", { type: "button", click: () => this.read(row, { isAsked: true }) }, COLUMNS[first][0](row));
    const cells = others.map((name) => { const shown = COLUMNS[name][0](row); return element("td", {}, ...(Array.isArray(shown) ? shown : [shown])); });
    const line = element("tr", { "aria-selected": "false" }, element("th", { scope: "row" }, button), ...cells);
    line.row = row;
    return line;
  }

  read(row, { isAsked = false } = {}) {
    for (const line of $("rows").children) line.setAttribute("aria-selected", String(line.row === row));
    $("reader").replaceChildren(...(row ? [card(row)] : []));
    mark(row?.point);
    if (isAsked && window.matchMedia("(max-width: 62rem)").matches) $("reader").scrollIntoView({ block: "nearest" });
  }

  walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const line = event.target.closest("tr");
    const other = step === 1 ? line?.nextElementSibling : step === -1 ? line?.previousElementSibling : null;
    if (!other) return;
    event.preventDefault();
    other.querySelector("button").focus();
    this.read(other.row);
  }

  fromAddress() {
    const [place, query] = decodeURI(location.hash).split("?");
    if (place !== "#browse" || query === undefined) return false;
    this.filter(Object.fromEntries(new URLSearchParams(location.hash.split("?")[1])), { scroll: true });
    return true;
  }
}

// ---- one completion ----------------------------------------------------------------------------------------------

const where = ({ intervention, layer, alpha, direction }) => (
  intervention === "none" ? "unsteered" : `${intervention}, ${LAYERS.get(layer)}, alpha ${alpha}, ${direction}`);

function outcome(row) {
  const words = [row.label, `refusal score ${row.score.toFixed(2)}`, row.flags & HELPFUL ? "helpful" : "not helpful"];
  if (row.flags & DEGENERATE) words.push("degenerate");
  words.push(`${row.tokens} tokens${row.flags & CUT ? ", cut off" : ""}`);
  return words.join(", ");
}

function marked(text, phrases) {
  const plain = (letters) => letters.toLowerCase().replaceAll("’", "'");
  const haystack = plain(text);
  const spans = [];
  for (const phrase of phrases) {
    const needle = plain(phrase);
    for (let at = haystack.indexOf(needle); needle && at >= 0; at = haystack.indexOf(needle, at + needle.length)) {
      spans.push([at, at + needle.length]);
    }
  }
  spans.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
  const parts = [];
  let end = 0;
  for (const [from, to] of haystack.length === text.length ? spans : []) {
    if (from < end) continue;
    parts.push(text.slice(end, from), element("mark", {}, text.slice(from, to)));
    end = to;
  }
  return [...parts, text.slice(end)];
}

function completion(name, row) {
  const matched = row.phrases.length ? `; matched: ${row.phrases.map((phrase) => `“${phrase}”`).join(", ")}` : "";
  return element("div", {}, element("h4", {}, name), element("p", { class: "meta" }, outcome(row) + matched),
    element("pre", {}, ...(row.text ? marked(row.text, row.phrases) : ["(empty)"])));
}

function permalink(row) {
  const { split, id } = row.prompt;
  const values = { split, id, intervention: row.point.intervention, seed: row.point.seed };
  if (row.point.intervention !== "none") {
    Object.assign(values, { layer: row.point.layer, alpha: row.point.alpha, direction: row.point.direction });
  }
  return `#browse?${new URLSearchParams(values)}`;
}

function card(row) {
  const { split, id, family, style, text } = row.prompt;
  const body = [element("pre", {}, text), element("div", { class: "pair" },
    ...(row.unsteered ? [completion("Unsteered", row.unsteered), completion("Steered", row)] : [completion("Unsteered", row)]))];
  const sample = row.sample ? `, sample ${row.sample}` : "";
  const meta = element("p", { class: "meta" }, `${where(row.point)}, seed ${row.point.seed}${sample} `,
    element("a", { href: permalink(row), "aria-label": `Link to ${id}, ${where(row.point)}` }, "link"));
  const verdicts = element("p", {}, ...chips(row.unsteered), ...(row.unsteered ? ["→ "] : []), ...chips(row));
  const folded = isHidden(row)
    ? [element("details", {}, element("summary", {}, "Show the request and what was written"), ...body)] : body;
  return element("article", {}, element("h3", {}, `${split} · ${id} · ${family} · ${style}`), meta, verdicts, ...folded);
}

// ---- copy and download ---------------------------------------------------------------------------------------------

function markdown(rows) {
  const block = (text) => {
    const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)));
    return `${fence}\n${text}\n${fence}`;
  };
  return rows.map((row) => [
    `**${row.prompt.split} · ${row.prompt.id}**, ${where(row.point)}`, block(row.prompt.text),
    ...(row.unsteered ? [`Unsteered (${outcome(row.unsteered)})`, block(row.unsteered.text)] : []),
    `${row.unsteered ? "Steered" : "Unsteered"} (${outcome(row)})`, block(row.text)].join("\n\n")).join("\n\n---\n\n");
}

function csv(rows) {
  // A spreadsheet must not take a completion for a formula.
  const cell = (value) => {
    const text = /^[=+\-@\t\r]/.test(value) && Number.isNaN(Number(value)) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const names = ["split", "id", "family", "style", "intervention", "layer", "alpha", "direction", "seed", "sample",
    "label", "score", "degenerate", "tokens", "prompt", "unsteered", "completion"];
  const lines = rows.map(({ prompt, point, ...row }) => [prompt.split, prompt.id, prompt.family, prompt.style,
    point.intervention, point.layer, point.alpha, point.direction, point.seed, row.sample,
    row.label, row.score, Boolean(row.flags & DEGENERATE), row.tokens, prompt.text, row.unsteered?.text ?? "", row.text]);
  return [names, ...lines].map((line) => line.map(cell).join(",")).join("\r\n");
}

function say(text) {
  $("said").textContent = text;
}

async function copy(text, kind) {
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied the completions of this page as ${kind}.`);
  } catch {
    say("The browser blocked the copy. Use the download button.");
  }
}

function download(name, text, type) {
  const link = element("a", { download: name, href: URL.createObjectURL(new Blob([text], { type })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// ---- charts ------------------------------------------------------------------------------------------------------

// Charts are as wide as their column; panels stand side by side where each has room.
function fitted(spec, width) {
  const copy = structuredClone(spec);
  if (copy.columns) {
    copy.columns = Math.min(copy.columns, Math.max(1, Math.floor(width / 260)));
    const inner = copy.spec;
    if (typeof inner.width === "number") inner.width = Math.max(150, Math.floor((width - 150) / copy.columns) - 26);
    if (copy.columns === 1) inner.height = 110;
    return copy;
  }
  if (typeof copy.width !== "number") return copy;
  copy.config.legend = { ...copy.config.legend, orient: "bottom", columns: width < 560 ? 2 : 4 };
  copy.width = Math.max(220, width - (copy.height?.step ? 240 : 76));
  return copy;
}

const drawn = new Set();

async function drawCharts(place) {
  const name = place.dataset.chart;
  if (drawn.has(name)) return;
  drawn.add(name);
  for (const spec of embedded("charts")[name]) await drawChart(place, spec);
  mark(chosenPoint);
}

async function drawChart(place, spec) {
  const holder = element("div", {});
  place.append(holder);
  const { view } = await vegaEmbed(holder, fitted(spec, place.clientWidth - 4), {
    // The page's policy forbids evaluating text as code.
    ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: { disableDefaultStyle: true, theme: "custom" },
  });
  holder.querySelector("svg").setAttribute("aria-label", spec.description);
  view.addEventListener("click", (_, item) => {
    if (!item?.datum || item.datum.intervention === undefined) return;
    open(item.datum);
  });
}

let chosenPoint;

// What is chosen in one place is marked in all: vega keeps the row of data with each mark.
function mark(point) {
  chosenPoint = point;
  const is = (datum) => point && datum && point.intervention !== "none" && datum.intervention === point.intervention
    && String(datum.layer) === point.layer && Number(datum.alpha) === point.alpha && datum.direction === point.direction;
  for (const path of document.querySelectorAll(".chart :is(.mark-symbol, .mark-rect).role-mark path")) {
    path.classList.toggle("picked", Boolean(is(path.__data__?.datum)));
  }
  for (const button of document.querySelectorAll("[data-open]")) {
    button.closest("tr").classList.toggle("picked", Boolean(is(JSON.parse(button.dataset.open))));
  }
}

async function start() {
  document.documentElement.classList.add("interactive");
  const date = $("date");
  if (date && !/^\d/.test(date.textContent)) date.textContent = new Date(document.lastModified).toISOString().slice(0, 10);
  for (const button of document.querySelectorAll("[data-table]")) {
    button.addEventListener("click", async () => {
      const name = button.dataset.table;
      download(name, await unpacked($(`file-${name}`).textContent), "text/plain");
    });
  }
  $("all-columns")?.addEventListener("change", (event) => {
    document.querySelector(".points").classList.toggle("all", event.target.checked);
  });
  for (const part of document.querySelectorAll("details.folds")) part.open = !NARROW;
  const places = [...document.querySelectorAll("[data-chart]")];
  const isFolded = (place) => place.closest("details:not([open])") !== null;
  for (const part of document.querySelectorAll("details.figure")) {
    part.addEventListener("toggle", () => { if (part.open) part.querySelectorAll("[data-chart]").forEach(drawCharts); });
  }
  const shown = places.filter((place) => !isFolded(place));
  if (shown.length) await drawCharts(shown[0]);
  performance.mark("first-screen");
  if ($("completions")) await startBrowser();
  for (const place of shown) await drawCharts(place);
  document.documentElement.dataset.ready = "yes";
}

let open = () => {};

async function startBrowser() {
  const rows = readCompletions().then((found) => new Browser(found));
  open = async ({ intervention, layer, alpha, direction, split, id }) => {
    const values = alpha === 0 ? { intervention: "none" } : { intervention, layer, alpha, direction };
    const known = Object.entries({ ...values, split, id }).filter(([, value]) => value !== undefined && value !== "");
    (await rows).filter(Object.fromEntries(known.map(([name, value]) => [name, String(value)])), { scroll: true });
  };
  for (const button of document.querySelectorAll("[data-open]")) {
    button.addEventListener("click", () => open(JSON.parse(button.dataset.open)));
  }
  const browser = await rows;
  if (!browser.fromAddress()) {
    browser.filter(embedded("first"));
    history.replaceState(null, "", location.pathname + location.search);
  }
}

start();
