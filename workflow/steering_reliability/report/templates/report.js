// Charts that open completions, and the browser of all completions. Completions enter the page as text only, never as markup.
"use strict";

const NARROW = window.matchMedia("(max-width: 40rem)").matches;
const PAGE_SIZE = NARROW ? 5 : 20;
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

class Browser {
  constructor(rows) {
    this.rows = rows;
    this.shown = [];
    this.page = 0;
    this.sampled = null;
    this.form = $("filters");
    for (const name of Object.keys(FILTERS)) {
      const values = options(name, rows);
      const select = this.form.elements[name];
      select.append(element("option", { value: "" }, "any"));
      if (name === "changed") select.append(element("option", { value: "*" }, "yes"));
      select.append(...values.map((value) => element("option", { value }, value)));
      select.closest("label").hidden = values.length < 2;
    }
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => this.changed());
    $("sample").addEventListener("click", () => this.sample());
    $("reset").addEventListener("click", () => this.filter({}));
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
    this.changed();
    if (scroll) { $("browse").scrollIntoView(); $("found").focus({ preventScroll: true }); }
  }

  values() {
    const chosen = [...new FormData(this.form)].filter(([, value]) => value !== "");
    return Object.fromEntries(chosen);
  }

  changed() {
    this.sampled = null;
    this.page = 0;
    this.search();
    this.draw();
    const query = new URLSearchParams(this.values()).toString();
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
  }

  sample() {
    this.search();
    const rest = [...this.shown];
    for (let place = rest.length - 1; place > 0; place -= 1) {
      const other = Math.floor(Math.random() * (place + 1));
      [rest[place], rest[other]] = [rest[other], rest[place]];
    }
    this.shown = rest.slice(0, 10);
    this.sampled = rest.length;
    this.page = 0;
    this.draw();
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
    $("rows").replaceChildren(...this.visible().map(card));
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
  const change = row.unsteered ? `${row.unsteered.label} → ${row.label}` : row.label;
  const title = `${split} · ${id} · ${family} · ${style}`;
  const body = [element("pre", {}, text), element("div", { class: "pair" },
    ...(row.unsteered ? [completion("Unsteered", row.unsteered), completion("Steered", row)] : [completion("Unsteered", row)]))];
  const sample = row.sample ? `, sample ${row.sample}` : "";
  const meta = element("p", { class: "meta" }, `${where(row.point)}, seed ${row.point.seed}${sample}: ${change} `,
    element("a", { href: permalink(row), "aria-label": `Link to ${id}, ${where(row.point)}` }, "link"));
  const folded = HARMFUL.has(split)
    ? [element("details", {}, element("summary", {}, "Show the request and what was written"), ...body)] : body;
  return element("article", {}, element("h3", {}, title), meta, ...folded);
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

const columnsFor = (width) => Math.max(1, Math.floor(width / 250));

async function drawChart(place, spec) {
  const holder = element("div", {});
  place.append(holder);
  const fitted = { ...spec };
  if (spec.columns) fitted.columns = Math.min(spec.columns, columnsFor(place.closest("main").clientWidth - 50));
  const { view } = await vegaEmbed(holder, fitted, {
    // The page's policy forbids evaluating text as code.
    ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: { disableDefaultStyle: true, theme: "custom" },
  });
  holder.querySelector("svg").setAttribute("aria-label", spec.description);
  view.addEventListener("click", (_, item) => {
    if (!item?.datum || item.datum.intervention === undefined) return;
    open(item.datum);
  });
}

async function start() {
  document.documentElement.classList.add("interactive");
  for (const part of document.querySelectorAll("details.folds")) part.open = !NARROW;
  window.addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details.folds")) part.open = true;
  });
  if ($("completions")) await startBrowser();
  for (const button of document.querySelectorAll("[data-table]")) {
    button.addEventListener("click", async () => {
      const name = button.dataset.table;
      download(name, await unpacked($(`file-${name}`).textContent), "text/plain");
    });
  }
  for (const [name, specs] of Object.entries(embedded("charts"))) {
    for (const spec of specs) await drawChart(document.querySelector(`[data-chart="${name}"]`), spec);
  }
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
