// One cell: what it left, what was said, how its tests went, and all of its record.
const WITHOUT_CONTENTS = "This report was written without the contents of cells (--html-content none).";
const TABS = { patch: "Patch", talk: "Transcript", tests: "Tests", log: "Log", record: "Record" };
const LINES = 3000;
const PIECES = 800; // of a diff, one for each run of lines of a colour
const MESSAGES = 60;
const FOLD = 40;
const EXCERPT = 60;

function findCell([id, variant, rep]) {
  const inst = D.instances.findIndex((one) => one.id === id);
  const column = D.variants.findIndex((one) => one.name === variant);
  if (inst < 0 || column < 0) return -1;
  return cellsOf(inst, column).find((cell) => `r${C.rep[cell]}` === rep) ?? -1;
}

async function cellPage(parts, query) {
  const page = byId("cell");
  const cell = findCell(parts);
  if (cell < 0) {
    clear(page, el("h2", {}, "Cell"), el("p", {}, `This run has no cell ${parts.join("/")}. `), el("a", { href: "#/matrix" }, "All cells"));
    return;
  }
  const tab = tabOf(query);
  const found = select(query);
  const place = found.cells.indexOf(cell);
  const position = place < 0 ? "outside of this filter" : `${place + 1} of ${found.cells.length} in this filter`;
  const panel = el("div", { role: "tabpanel", id: "panel", "aria-labelledby": `tab-${tab}`, "aria-busy": "true" }, "…");
  const state = D.states[C.integ[cell]];
  const shift = shiftOf(C.inst[cell], C.var[cell]);
  redraw(page,
    el("h2", { class: "path" }, cellName(cell)),
    el("p", {}, glyph(outcomeOf(cell)), ` ${words(outcomeOf(cell))}`, el("span", { class: "soft" },
      [state ? `, integrity ${words(state)}` : "", C.stop[cell] ? `, stopped: ${words(D.stops[C.stop[cell]])}` : "",
        shift ? `, ${shift < 0 ? "down" : "up"} by ${Math.abs(100 * shift).toFixed(0)} points since the baseline` : "",
        ` · ${money(C.cost[cell])} · ${C.tok[cell].toLocaleString("en")} tokens in ${C.calls[cell]} ${C.calls[cell] === 1 ? "call" : "calls"} · ${C.sec[cell]} s · ${position}`].join(""))),
    el("div", { class: "bar steps" }, steps(cell, found, query)),
    el("div", { class: "tabs", role: "tablist", "aria-label": "What of the cell" }, Object.entries(TABS).map(([name, label]) =>
      el("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-selected": String(name === tab), "aria-controls": "panel",
        tabindex: name === tab ? 0 : -1, onclick: () => go("cell", cellParts(cell), withParameter(query, "tab", name === "patch" ? "" : name), true) }, label))),
    panel);
  say(`${cellName(cell)}: ${words(outcomeOf(cell))}, ${position}`);
  try {
    const record = await fetchEntry("cell", cell);
    clear(panel, record ? await SHOWN[tab](record, cell) : el("p", {}, WITHOUT_CONTENTS));
  } catch (error) {
    clear(panel, notShown(error));
  }
  panel.removeAttribute("aria-busy");
}

const tabOf = (query) => Object.hasOwn(TABS, query.get("tab")) ? query.get("tab") : "patch";
const notShown = (error) => el("p", { class: "fail" }, `Not to be shown: ${error.message}`);

// Neighbours of a cell: the next instance, variant and repetition, as the arrow keys go.
function neighbour(cell, kind, step, found) {
  const variant = C.var[cell], inst = C.inst[cell];
  if (kind === "rep") return cellsOf(inst, variant).find((one, at, all) => all[at - step] === cell) ?? -1;
  const rows = kind === "inst" ? found.rows : found.variants;
  for (let at = rows.indexOf(kind === "inst" ? inst : variant) + step; at >= 0 && at < rows.length; at += step) {
    const cells = kind === "inst" ? cellsOf(rows[at], variant) : cellsOf(inst, rows[at]);
    const fitting = kind === "inst" ? cells.filter((one) => found.matching.has(one)) : cells;
    if (fitting.length) return fitting.find((one) => C.rep[one] === C.rep[cell]) ?? fitting[0];
  }
  return -1;
}

function steps(cell, found, query) {
  const rows = [["inst", -1, "↑ instance"], ["inst", 1, "↓ instance"], ["var", -1, "← variant"], ["var", 1, "→ variant"], ["rep", -1, "[ repetition"], ["rep", 1, "] repetition"]];
  return rows.map(([kind, step, label]) => {
    const next = neighbour(cell, kind, step, found);
    return next < 0 ? null : el("a", { href: addressOf("cell", cellParts(next), query), id: `step-${kind}${step}` }, label);
  }).concat(el("a", { href: addressOf("matrix", [], withParameter(query, "tab", "")) }, "matrix"));
}

const SHOWN = {
  async patch(record, cell) {
    const instance = await fetchEntry("inst", D.instances[C.inst[cell]].at);
    const own = el("div", {}, el("h3", {}, "What the arm left"), record.patch ? diff(record.patch) : el("p", {}, record.response_text ? "No patch, but words:" : "No patch."),
      !record.patch && record.response_text ? block(record.response_text, { class: "wrap" }) : null);
    const gold = instance && instance.gold ? el("div", {}, el("h3", {}, "Reference patch"), diff(instance.gold)) : null;
    const issue = instance && instance.statement ? el("details", {}, el("summary", {}, "the issue"), block(instance.statement, { class: "wrap" })) : null;
    return [...why(record), issue, el("div", { class: "two" }, own, gold)];
  },

  async talk(record, cell) {
    const told = await fetchEntry("talk", cell);
    if (!told || !(told.said.length || told.events.length)) return [el("p", {}, D.shelves.talk ? "Nothing was said in this cell." : "This report was written without transcripts.")];
    const list = el("div", {});
    const boxes = [["tools", "tools"], ["said", "answers"], ["meta", "tokens"]].map(([name, label]) => el("label", {},
      el("input", { type: "checkbox", checked: true, onchange: (event) => list.classList.toggle(`no-${name}`, !event.target.checked) }), label));
    const more = (from) => {
      list.append(...told.said.slice(from, from + MESSAGES).map(message));
      const left = told.said.length - from - MESSAGES;
      if (left > 0) list.append(el("button", { type: "button", onclick: (event) => { event.target.remove(); more(from + MESSAGES); } }, `show ${Math.min(left, MESSAGES)} of ${left} more messages`));
    };
    more(0);
    return [el("div", { class: "bar" }, boxes), told.events.length ? el("details", {}, el("summary", {}, `steps and guards: ${told.events.length} events`), stepsTable(told.events)) : null, list];
  },

  async tests(record, cell) {
    const verdict = record.verdict;
    if (!verdict) return [...why(record), el("p", {}, "Nothing was graded.")];
    const told = await fetchEntry("talk", cell);
    const first = Object.values(verdict.tests).flatMap((group) => group.failure)[0];
    const found = first && told && told.log ? excerpt(told.log, first) : "";
    const groups = Object.entries(verdict.tests).map(([name, group]) => [
      el("h3", {}, `${name}: ${group.counts.success} of ${group.counts.success + group.counts.failure} pass`),
      names(group.failure, group.counts.failure, "fail", "✗", true), names(group.success, group.counts.success, "pass", "✓", group.counts.success <= 20)]);
    return [...why(record), el("p", {}, `resolved: ${verdict.resolved}; patch applied: ${verdict.applied}${verdict.applied_with ? ` with ${verdict.applied_with}` : ""}${verdict.reason ? `; ${verdict.reason}` : ""}`),
      found ? [el("h3", {}, "First failing test"), block(found)] : null, groups].flat(3);
  },

  async log(record, cell) {
    const told = await fetchEntry("talk", cell);
    if (!told || !told.log) return [el("p", {}, D.shelves.talk ? "No log of tests." : "This report was written without logs.")];
    return [el("p", { class: "soft" }, "the end of the log"), block(told.log)];
  },

  async record(record, cell) {
    const text = JSON.stringify({ ...record, patch: record.patch ? `(${record.patch.length} characters, see Patch)` : "" }, null, 2);
    return [el("div", { class: "bar" }, copies("copy id", cellName(cell)), record.instance_id ? copies("copy pytest command", commandFor(record)) : null), block(text)];
  },
};

// Runs the same instance, arm and model once more, in a run of its own.
function commandFor(record) {
  const asked = [["dataset", D.dataset], ["split", D.split], ["arms", record.arm], ["instance-ids", record.instance_id]];
  if (record.model && record.provider !== "replay") asked.push(["provider", record.provider], ["model", record.model]);
  return ["pytest -m experiment", ...asked.filter(([, value]) => value).map(([name, value]) => shellWord(`--${name}=${value}`))].join(" ");
}

const shellWord = (text) => /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`;

function copies(label, text) {
  return el("button", { type: "button", onclick: async (event) => {
    try { await navigator.clipboard.writeText(text); event.target.textContent = `${label}: done`; } catch { event.target.replaceWith(block(text)); }
  } }, label);
}

function why(record) {
  const told = [];
  if (record.error) told.push(`${record.error.type}: ${record.error.message}`);
  if (record.failed_step) told.push(`failed in step ${record.failed_step}${record.failed_guard ? `, at guard ${record.failed_guard}` : ""}`);
  if (record.notes) told.push(record.notes);
  if (record.integrity && record.integrity.reasons.length) told.push(`integrity: ${record.integrity.reasons.join("; ")}`);
  return told.map((text) => block(text, { class: "wrap" }));
}

// Where the log tells of a test: its own heading in what pytest and unittest write, else the line that says it failed.
function excerpt(log, test) {
  const whole = test.split("::").pop();
  const lines = log.split("\n");
  const told = [whole, whole.split(/[ [(]/)[0]].filter(Boolean);
  const holds = (line, name) => line.split(name).some((before, place, all) => place + 1 < all.length && !/\w$/.test(before) && !/^\w/.test(all[place + 1]));
  let at = -1;
  for (const sign of [/^(_{3,} .* _{3,}|(FAIL|ERROR): )/, /fail|error/i]) {
    for (const name of told) if (at < 0) at = lines.findIndex((line) => sign.test(line) && holds(line, name));
  }
  if (at < 0) return "";
  const rest = lines.slice(at + 1, at + EXCERPT);
  const next = rest.findIndex((line) => /^(_{3,} .* _{3,}|(FAIL|ERROR): |={10,} .* ={3,})/.test(line));
  return [lines[at], ...(next < 0 ? rest : rest.slice(0, next))].join("\n");
}

function names(list, count, kind, mark, open) {
  if (!count) return [];
  const items = el("ul", { class: `plain ${kind}` }, list.map((name) => el("li", {}, `${mark} ${name}`)));
  const rest = count > list.length ? el("p", { class: "soft" }, `... and ${count - list.length} more`) : null;
  return [el("details", { open }, el("summary", {}, `${kind}: ${count}`), items, rest)];
}

// A diff, with as few elements as its colours need.
function diff(text) {
  const lines = text.replace(/\n+$/, "").split("\n");
  const inner = el("div", {});
  const pre = el("pre", { tabindex: 0, class: "diff" }, inner);
  const kindOf = (line) => /^(diff |index |--- |\+\+\+ |new file|deleted file|rename |similarity )/.test(line) ? "file"
    : line.startsWith("@@") ? "hunk" : line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : "";
  let kind = null, held = [], pieces = 0, shown = 0;
  const put = () => { if (held.length) { const text = shortLines(held.join("\n")); inner.append(kind ? el("span", { class: kind }, text) : visible(text), "\n"); } held = []; };
  for (const line of lines.slice(0, LINES)) {
    const next = kindOf(line);
    if (next !== kind) { put(); kind = next; if (++pieces > PIECES) break; }
    held.push(line);
    shown++;
  }
  put();
  if (lines.length > shown) inner.append(`[... ${lines.length - shown} more lines]`);
  return pre;
}

function message(said) {
  const tokens = Object.values(said.usage || {}).reduce((sum, one) => sum + one, 0);
  const used = tokens ? `${tokens.toLocaleString("en")} tokens` : "";
  const who = [said.role, said.agent_id, said.tool_name].filter(Boolean).join(" · ");
  const text = said.content ?? said.tool_result ?? "";
  const box = el("div", { class: `message ${said.role}${said.role === "tool" ? " of-tool" : said.role === "assistant" ? " from-model" : ""}` },
    el("div", { class: "who" }, who, used ? el("span", { class: "meta" }, used) : null));
  const lines = text.split("\n");
  if (said.role === "system") box.append(el("details", {}, el("summary", {}, `system prompt, ${lines.length} ${lines.length === 1 ? "line" : "lines"}`), block(text, { class: "wrap" })));
  else if (said.role === "tool" && lines.length > FOLD) {
    box.append(block(lines.slice(0, FOLD).join("\n")), el("details", {}, el("summary", {}, `${lines.length - FOLD} more lines`), block(lines.slice(FOLD).join("\n"))));
  } else if (text) box.append(block(text, { class: said.role === "tool" ? null : "wrap" }));
  for (const [name, given] of said.tool_calls || []) box.append(el("div", { class: "of-tool" }, el("div", { class: "who" }, `→ ${name}`), block(given, { class: "wrap" })));
  return box;
}

function stepsTable(events) {
  const rows = events.slice(0, 150).map(([type, step, guard, verdict, attempt, summary, agent]) =>
    words(type).toLowerCase() + [step, agent === step ? "" : agent, attempt ? `attempt ${attempt}` : "", guard, verdict].filter(Boolean).map((part) => ` · ${part}`).join("") + (summary ? `: ${summary}` : ""));
  return block(rows.join("\n") + (events.length > 150 ? `\n[... ${events.length - 150} more events]` : ""), { class: "wrap" });
}
