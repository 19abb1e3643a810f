// Which cells are meant: chips, text and ranges, all of them in the address.
const ONLY = {
  differ: "variants differ",
  flaky: "flaky",
  ...(D.baseline ? { regressed: "down since baseline", improved: "up since baseline" } : {}),
  doubt: "not clean",
  unfit: "quarantined",
};

// By how much an instance's share moved since the baseline; 0 where it did not, or where nobody knows.
const shiftOf = (inst, variant) => D.baseline ? D.baseline.shifts[variant][inst] || 0 : 0;
const SORTS = { id: "instance", hard: "hardest first", easy: "easiest first", disagreement: "most disagreement", cost: "most expensive" };
const DIFFICULTY = D.instances.map((_, inst) => {
  const means = D.variants.map((_, variant) => meanOf(inst, variant)).filter((mean) => mean !== null);
  return means.length ? means.reduce((sum, mean) => sum + mean, 0) / means.length : null;
});

const setOf = (query, name) => new Set((query.get(name) || "").split(",").filter(Boolean));

function readFilters(query) {
  const range = (name) => (query.get(name) || "").split("-", 2).map((end) => end === "" || isNaN(end) ? null : Number(end));
  return {
    outcome: setOf(query, "outcome"), variant: setOf(query, "variant"), only: setOf(query, "only"),
    integrity: setOf(query, "integrity"), repo: query.get("repo") || "", text: (query.get("text") || "").toLowerCase(),
    sort: Object.hasOwn(SORTS, query.get("sort")) ? query.get("sort") : "id", cost: range("cost"), time: range("time"),
  };
}

// What nobody knows lies in no range.
const outside = (value, [low = null, high = null]) => (low !== null || high !== null)
  && (value === null || (low !== null && value < low) || (high !== null && value > high));

function cellMatches(cell, filters) {
  const state = D.states[C.integ[cell]];
  if (filters.outcome.size && !filters.outcome.has(outcomeOf(cell))) return false;
  if (filters.integrity.size && !filters.integrity.has(state)) return false;
  const shift = shiftOf(C.inst[cell], C.var[cell]);
  if ((filters.only.has("regressed") && shift >= 0) || (filters.only.has("improved") && shift <= 0)) return false;
  if (filters.only.has("doubt") && !(outcomeOf(cell) === "resolved" && state !== "clean")) return false;
  return !outside(C.cost[cell], filters.cost) && !outside(C.sec[cell], filters.time);
}

function shownVariants(filters) {
  const all = D.variants.map((_, variant) => variant);
  const chosen = all.filter((variant) => filters.variant.has(D.variants[variant].name));
  return chosen.length ? chosen : all;
}

function instanceMatches(inst, filters, variants) {
  const told = D.instances[inst];
  if (filters.repo && told.repo !== filters.repo) return false;
  if (filters.text && !told.id.toLowerCase().includes(filters.text)) return false;
  if (filters.only.has("unfit") && !told.unfit) return false;
  if (filters.only.has("differ") && !(spread(inst, filters, variants) > 0)) return false;
  return !filters.only.has("flaky") || variants.some((variant) => { const mean = meanOf(inst, variant); return mean > 0 && mean < 1; });
}

// How far variants are apart; -1 where fewer than two have an answer. Those that are held against none count if chosen.
function spread(inst, filters, variants) {
  const means = variants.filter((variant) => filters.variant.size || !D.variants[variant].apart)
    .map((variant) => meanOf(inst, variant)).filter((mean) => mean !== null);
  return means.length > 1 ? Math.max(...means) - Math.min(...means) : -1;
}

// Rows of the matrix and the cells that match, both in the order in which they are shown.
function select(query) {
  const filters = readFilters(query);
  const variants = shownVariants(filters);
  const asksCells = filters.outcome.size || filters.integrity.size || ["doubt", "regressed", "improved"].some((one) => filters.only.has(one))
    || [...filters.cost, ...filters.time].some((end) => end !== null && end !== undefined);
  const rows = [];
  const matching = new Set();
  for (const inst of sorted(filters, variants)) {
    if (!instanceMatches(inst, filters, variants)) continue;
    const found = [];
    for (const variant of variants) found.push(...cellsOf(inst, variant).filter((cell) => cellMatches(cell, filters)));
    if (!found.length && asksCells) continue;
    rows.push(inst);
    found.forEach((cell) => matching.add(cell));
  }
  return { filters, variants, rows, matching, cells: [...matching] };
}

function sorted(filters, variants) {
  const all = D.instances.map((_, inst) => inst);
  const hardness = (inst) => DIFFICULTY[inst] === null ? 2 : DIFFICULTY[inst];
  const spent = (inst) => variants.flatMap((variant) => cellsOf(inst, variant)).reduce((sum, cell) => sum + (C.cost[cell] || 0), 0);
  const key = { hard: hardness, easy: (inst) => DIFFICULTY[inst] === null ? 1 : -DIFFICULTY[inst], disagreement: (inst) => -spread(inst, filters, variants), cost: (inst) => -spent(inst) }[filters.sort];
  if (!key) return all;
  const keys = all.map(key);
  return all.sort((a, b) => keys[a] - keys[b] || a - b);
}

// How many instances each of the chips would leave, of all that the other filters leave.
function countOnly(query) {
  const base = withParameter(query, "only", "");
  return Object.fromEntries(Object.keys(ONLY).map((name) => [name, select(withParameter(base, "only", name)).rows.length]));
}

function withParameter(query, name, value) {
  const next = new URLSearchParams(query);
  if (value) next.set(name, value); else next.delete(name);
  return next;
}

function toggled(query, name, value) {
  const values = setOf(query, name);
  if (!values.delete(value)) values.add(value);
  return withParameter(query, name, [...values].join(","));
}
