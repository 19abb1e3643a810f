// Two variants side by side: what one solves and the other does not, and both diffs of an instance.
const LISTED = 60;

// Who is compared if nobody asked: of those under test the two with the highest rates, the better one last.
function bestTwo() {
  const share = D.variants.map((_, variant) => {
    const means = D.instances.map((_, inst) => meanOf(inst, variant)).filter((mean) => mean !== null);
    return means.length ? means.reduce((sum, mean) => sum + mean, 0) / means.length : -1;
  });
  const order = share.map((_, variant) => variant).sort((x, y) => D.variants[x].apart - D.variants[y].apart || share[y] - share[x] || x - y);
  return [order[1], order[0]];
}

async function comparePage(parts, query) {
  const page = byId("compare");
  if (D.variants.length < 2) { clear(page, el("h2", {}, "Compare"), el("p", {}, "This run has one variant; there is nothing to compare it with.")); return; }
  const index = (name, otherwise) => { const at = D.variants.findIndex((one) => one.name === name); return at < 0 ? otherwise : at; };
  const [second, first] = bestTwo();
  const a = index(parts[0], second), b = index(parts[1], a === first ? second : first);
  const chooser = (label, chosen, place) => el("label", {}, label, el("select", { id: `compare-${label}`,
    onchange: (event) => { const next = [D.variants[a].name, D.variants[b].name]; next[place] = event.target.value; go("compare", next, new URLSearchParams(), false); },
  }, D.variants.map((one, at) => el("option", { value: one.name, selected: at === chosen }, one.name))));
  const won = [], lost = [];
  let tied = 0, dropped = 0;
  D.instances.forEach((_, inst) => {
    const left = meanOf(inst, a), right = meanOf(inst, b);
    if (left === null || right === null) { dropped += cellsOf(inst, a).length + cellsOf(inst, b).length > 0 ? 1 : 0; return; }
    if (right > left) won.push([inst, right - left]); else if (right < left) lost.push([inst, left - right]); else tied++;
  });
  for (const list of [won, lost]) list.sort((x, y) => y[1] - x[1] || x[0] - y[0]);
  const used = won.length + lost.length + tied;
  const shift = used ? ([...won.map(([, by]) => by), ...lost.map(([, by]) => -by)].reduce((sum, by) => sum + by, 0) / used) : null;
  const pair = (D.pairs || []).find((one) => (one.a === D.variants[a].name && one.b === D.variants[b].name) || (one.a === D.variants[b].name && one.b === D.variants[a].name));
  const names = [D.variants[a].name, D.variants[b].name];
  const apart = [a, b].filter((variant) => D.variants[variant].apart).map((variant) => D.variants[variant].name);
  redraw(page,
    el("h2", {}, "Compare"),
    el("div", { class: "bar" }, chooser("from", a, 0), chooser("to", b, 1),
      el("button", { type: "button", id: "compare-swap", onclick: () => go("compare", [names[1], names[0]], new URLSearchParams(), false) }, "swap")),
    shift === null ? el("p", {}, "No instance has an answer from both.") :
      el("p", {}, el("strong", {}, `${shift >= 0 ? "+" : ""}${(100 * shift).toFixed(1)} pp`), ` over ${used} instances with answers from both: ${won.length} won, ${lost.length} lost, ${tied} alike`
        + (dropped ? `; ${dropped} left out, without an answer from one of them` : "")),
    pair ? el("p", {}, pair.a === names[0] ? pair.told : pair.back) : null,
    apart.length ? el("p", { class: "soft" }, `No verdict: ${apart.join(" and ")} ${apart.length > 1 ? "frame" : "frames"} what variants can reach, and ${apart.length > 1 ? "are" : "is"} ranked with none.`) : null,
    el("div", { id: "sides" }),
    el("div", { class: "two" }, list("Won", won, names, [a, b], query), list("Lost", lost, names, [a, b], query)));
  say(`${names[1]} against ${names[0]}: ${won.length} won, ${lost.length} lost`);
  if (query.get("instance")) await sides(query.get("instance"), a, b, [...won, ...lost].map(([inst]) => inst), names);
}

// Resolved of counted repetitions.
function counted(inst, variant) {
  const cells = cellsOf(inst, variant).filter((cell) => COUNTED.has(outcomeOf(cell)));
  return `${cells.filter((cell) => outcomeOf(cell) === "resolved").length}/${cells.length}`;
}

function list(title, found, names, pair, query) {
  const items = el("ul", { class: "plain tall" });
  const more = (from) => {
    items.append(...found.slice(from, from + LISTED).map(([inst, by]) => el("li", {},
      el("a", { href: addressOf("compare", names, new URLSearchParams({ instance: D.instances[inst].id })),
        "aria-current": D.instances[inst].id === query.get("instance") ? "true" : null }, D.instances[inst].id),
      REPS > 1 ? el("span", { class: "soft" }, ` ${counted(inst, pair[0])} → ${counted(inst, pair[1])}`)
        : by < 1 ? el("span", { class: "soft" }, ` by ${(100 * by).toFixed(0)} pp`) : null)));
    const left = found.length - from - LISTED;
    if (left > 0) items.append(el("li", {}, el("button", { type: "button", onclick: (event) => { event.target.parentNode.remove(); more(from + LISTED); } }, `${left} more`)));
  };
  more(0);
  return el("div", {}, el("h3", {}, `${title}: ${found.length}`), found.length ? items : el("p", { class: "soft" }, "none"));
}

async function sides(id, a, b, order, names) {
  const inst = D.instances.findIndex((one) => one.id === id);
  if (inst < 0) return;
  const place = byId("sides"); // another one by the time that this comes, if somebody went on
  place.setAttribute("aria-busy", "true");
  const shown = await Promise.all([a, b].map(async (variant) => {
    const cells = cellsOf(inst, variant);
    const cell = cells.find((one) => outcomeOf(one) === "resolved") ?? cells[0];
    const record = cell === undefined ? null : await fetchEntry("cell", cell);
    const missing = cell === undefined ? "No record." : record ? "No patch." : WITHOUT_CONTENTS;
    return el("div", {}, el("h3", {}, D.variants[variant].name, " "), cells.map((one) => [el("a", { href: addressOf("cell", cellParts(one)) }, glyph(outcomeOf(one)), ` r${C.rep[one]}`), " "]),
      record && record.patch ? diff(record.patch) : el("p", {}, missing));
  })).catch((error) => [notShown(error)]);
  place.removeAttribute("aria-busy");
  const at = order.indexOf(inst);
  const step = (to, label, by) => to === undefined ? null
    : el("a", { href: addressOf("compare", names, new URLSearchParams({ instance: D.instances[to].id })), "data-step": by }, label);
  clear(place,
    el("div", { class: "bar" }, el("h3", {}, id), at > 0 ? step(order[at - 1], "↑ previous", -1) : null, at >= 0 ? step(order[at + 1], "↓ next", 1) : null,
      el("a", { href: addressOf("compare", names) }, "close")),
    el("div", { class: "two" }, shown));
}
