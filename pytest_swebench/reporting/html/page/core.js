// What everything else stands on: the data, elements made from text, and the state in the address.
const D = JSON.parse(document.getElementById("data").textContent);
const C = D.cells;
const COUNT = C.inst.length;
const GLYPHS = { resolved: "✓", unresolved: "✗", no_patch: "∅", limit: "L", captured: "•", infra: "!", error: "E", missing: "·" };
const COUNTED = new Set(["resolved", "unresolved", "no_patch", "limit"]);
const LONGEST_LINE = 2000;

const byId = (id) => document.getElementById(id);

// Every text of a run enters the page here, as text and never as markup.
function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.className = value;
    else node.setAttribute(key, value === true ? "" : key === "title" || key === "aria-label" ? visible(value) : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined) node.append(child instanceof Node ? child : visible(String(child)));
  }
  return node;
}

// Colours of terminals go; whatever else nobody sees, or turns writing round, is shown by its number.
function visible(text) {
  const plain = text
    .replace(/\u001b\[[0-9;?]*[ -\/]*[@-~]/g, "")
    .replace(/\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g, "")
    .replace(/\r\n/g, "\n");
  return plain.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e01ef}]/gu,
    (char) => `<U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}>`);
}

// A line without an end would hold up the browser, unless it is wrapped.
function shortLines(text) {
  if (text.length <= LONGEST_LINE) return text;
  return text.split("\n").map((line) => line.length <= LONGEST_LINE ? line
    : `${line.slice(0, LONGEST_LINE)} [... ${line.length - LONGEST_LINE} more characters in this line]`).join("\n");
}

const block = (text, more) => el("pre", { tabindex: 0, ...more }, more?.class === "wrap" ? text : shortLines(text));
const glyph = (outcome) => el("span", { class: `glyph ${outcome}`, "aria-hidden": "true" }, GLYPHS[outcome]);
const outcomeOf = (cell) => D.outcomes[C.out[cell]];
const words = (name) => name.replace(/_/g, " ");
const say = (text) => { byId("status").textContent = visible(text); };

function clear(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null));
  return node;
}

// What is drawn anew keeps the focus where it was: on the element of the same id.
function redraw(page, ...children) {
  const held = page.contains(document.activeElement) ? document.activeElement.id : "";
  clear(page, ...children);
  if (held && byId(held)) byId(held).focus({ preventScroll: true });
}

// Cells by instance and variant, in the order of repetitions.
const REPS = C.rep.reduce((most, rep) => Math.max(most, rep), 1);
const BY_PAIR = new Map();
for (let cell = 0; cell < COUNT; cell++) {
  const key = C.inst[cell] * D.variants.length + C.var[cell];
  if (!BY_PAIR.has(key)) BY_PAIR.set(key, []);
  BY_PAIR.get(key).push(cell);
}
const cellsOf = (inst, variant) => BY_PAIR.get(inst * D.variants.length + variant) || [];

// The mean of what counts, null where nothing does: infra and error are missing.
const MEANS = new Map();
for (const [key, cells] of BY_PAIR) {
  const counted = cells.filter((cell) => COUNTED.has(outcomeOf(cell)));
  if (counted.length) MEANS.set(key, counted.filter((cell) => outcomeOf(cell) === "resolved").length / counted.length);
}
const meanOf = (inst, variant) => MEANS.get(inst * D.variants.length + variant) ?? null;

// As the tables say it, which Python writes.
const money = (usd) => usd === null ? "unknown" : usd > 0 && usd < 0.0001 ? "<$0.0001" : `$${usd.toFixed(usd >= 1 || !usd ? 2 : usd >= 0.01 ? 3 : 4)}`;

// The address: #/page/part/part?name=value&...
function readAddress() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const parts = path.split("/").map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  return { page: parts[0], parts: parts.slice(1), query: new URLSearchParams(query || "") };
}

function addressOf(page, parts = [], query = new URLSearchParams()) {
  const asked = query.toString();
  return `#/${[page, ...parts].map(encodeURIComponent).join("/")}${asked ? `?${asked}` : ""}`;
}

function go(page, parts, query, replace) {
  const address = addressOf(page, parts, query);
  if (address === location.hash) return;
  if (replace) { history.replaceState(null, "", address); route(); } else location.hash = address;
}

const cellParts = (cell) => [D.instances[C.inst[cell]].id, D.variants[C.var[cell]].name, `r${C.rep[cell]}`];
const cellName = (cell) => cellParts(cell).join("/");
