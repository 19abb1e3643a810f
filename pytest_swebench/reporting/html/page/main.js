// Pages, keys, and what the address asks for.
const PAGES = { summary: "Summary", matrix: "Matrix", compare: "Compare", statistics: "Statistics", cost: "Cost and time", integrity: "Flakes and integrity" };
const KEYS = [
  ["1 - 6", "pages"], ["/", "search for an instance"], ["arrows, Home, End, PageUp, PageDown", "in the matrix: from square to square; arrows on a cell: instance up and down, variant left and right; in Compare: instance up and down"],
  ["Enter", "open the cell"], ["[ ]", "repetition"], ["t, Shift-t", "next, previous tab of a cell"], ["m", "back to the matrix, filters kept"], ["?", "this help"],
];
const FAR = { Home: [0, -1e6], End: [0, 1e6], PageUp: [-20, 0], PageDown: [20, 0] };
const FIXED = ["summary", "statistics", "cost", "integrity"]; // written with the file
const parked = new Map();
let shownPage = null;

// Pages that are not looked at are taken out, so that a browser has less to keep in order.
function park(name, away) {
  const section = byId(name);
  if (away && !parked.has(name)) {
    const fragment = document.createDocumentFragment();
    fragment.append(...section.childNodes);
    parked.set(name, fragment);
  } else if (!away && parked.has(name)) {
    section.append(parked.get(name));
    parked.delete(name);
  }
}

function route() {
  const { page: asked, parts, query } = readAddress();
  const page = Object.hasOwn(PAGES, asked) || asked === "cell" ? asked : "summary";
  for (const name of [...Object.keys(PAGES), "cell"]) byId(name).hidden = name !== page;
  for (const name of FIXED) park(name, name !== page);
  for (const link of byId("nav").children) {
    if (link.dataset.page === page || (page === "cell" && link.dataset.page === "matrix")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  byId("nav").querySelector('[data-page="matrix"]').href = addressOf("matrix", [], page === "matrix" || page === "cell" ? withParameter(query, "tab", "") : undefined);
  for (const name of ["matrix", "cell", "compare"]) if (name !== page) clear(byId(name));
  if (page !== "matrix") board = null;
  if (page === "matrix") matrixPage(query);
  if (page === "cell") cellPage(parts, query);
  if (page === "compare") comparePage(parts, query);
  document.title = `${PAGES[page] || parts.join("/")} · SWE-bench run ${D.run}`;
  if (shownPage !== null && shownPage !== page) { scrollTo(0, 0); byId("main").focus({ preventScroll: true }); if (PAGES[page]) say(PAGES[page]); }
  shownPage = page;
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || byId("help").open) return;
  const target = event.target;
  if (target.matches("input, select, textarea")) { if (event.key === "Escape") target.blur(); return; }
  const { page, parts, query } = readAddress();
  const names = Object.keys(PAGES);
  const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (/^[1-6]$/.test(event.key)) location.hash = addressOf(names[event.key - 1]);
  else if (event.key === "?") showHelp();
  else if (event.key === "/") {
    if (page !== "matrix") { history.pushState(null, "", "#/matrix"); route(); }
    byId("search").focus();
  }
  else if (page === "matrix" && board && (arrows || FAR[event.key])) {
    const inside = target.matches("[data-at]");
    if (!inside && (FAR[event.key] || target.closest("#matrix"))) return;
    board.move(...(inside ? arrows || FAR[event.key] : [0, 0]));
  } else if (page === "compare" && arrows && arrows[0] && !target.closest("pre, .tall")) {
    const next = byId("compare").querySelector(`[data-step="${arrows[0]}"]`);
    if (!next) return;
    location.hash = next.hash;
  } else if (page === "cell" && cellKey(event.key, arrows, target, parts, query)) { /* done */ }
  else return;
  event.preventDefault();
}

function cellKey(key, arrows, target, parts, query) {
  const tabs = Object.keys(TABS);
  const tab = tabOf(query);
  const along = target.matches('[role="tab"]') && arrows && arrows[1];
  if (key === "t" || key === "T" || along) {
    const step = along ? arrows[1] : key === "t" ? 1 : -1;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    go("cell", parts, withParameter(query, "tab", next === "patch" ? "" : next), true);
    if (along) byId(`tab-${next}`).focus();
    return true;
  }
  if (key === "m") { location.hash = addressOf("matrix", [], withParameter(query, "tab", "")); return true; }
  if (arrows && target.closest("pre")) return false; // there they scroll
  const step = arrows ? (arrows[0] ? ["inst", arrows[0]] : ["var", arrows[1]]) : { "[": ["rep", -1], "]": ["rep", 1] }[key];
  const cell = findCell(parts); // by the address: what is drawn may still be the cell before
  const next = step && cell >= 0 ? neighbour(cell, ...step, select(query)) : -1;
  if (next >= 0) location.hash = addressOf("cell", cellParts(next), query);
  return Boolean(step);
}

function showHelp() {
  clear(byId("help"), el("h2", {}, "Keys"), el("table", { class: "keys" }, el("tbody", {}, KEYS.map(([key, does]) => el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key)), el("td", {}, does))))),
    el("h3", {}, "Signs"), el("p", {}, [...D.outcomes, "missing"].map((outcome) => [glyph(outcome), ` ${words(outcome)}  `])),
    el("p", {}, "A ? in a corner: resolved, but not clean. Q before a name: in quarantine. Two numbers: resolved of counted repetitions."
      + (D.baseline ? ` ▼ and ▲: down and up since ${D.baseline.name}.` : "")),
    el("form", { method: "dialog" }, el("button", {}, "close")));
  byId("help").showModal();
}

byId("nav").append(...Object.entries(PAGES).map(([name, label]) => el("a", { href: addressOf(name), "data-page": name }, label)));
byId("nav").hidden = false;
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); byId("main").focus(); }); // addresses name pages
byId("help-button").addEventListener("click", showHelp);
addEventListener("hashchange", route);
// On paper every page that is written with the file stands, with all that is folded away.
let folded = [];
addEventListener("beforeprint", () => {
  FIXED.forEach((name) => park(name, false));
  folded = [...document.querySelectorAll("main details:not([open])")];
  folded.forEach((one) => { one.open = true; });
});
addEventListener("afterprint", () => { folded.forEach((one) => { one.open = false; }); folded = []; route(); });
addEventListener("keydown", onKey);
route();
