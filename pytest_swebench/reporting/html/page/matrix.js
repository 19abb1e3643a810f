// Instances by variants: a grid of which only what is in sight exists, and the whole of it in small beside.
const ROW = 24;
const NARROW = 74;
const WIDEST = 220;
let COLUMN = NARROW;
const HEAD = 46;
let board = null;

function matrixPage(query) {
  const found = select(query);
  const page = byId("matrix");
  board = null;
  const repos = [...new Set(D.instances.map((one) => one.repo))].sort();
  const change = (name) => (event) => go("matrix", [], withParameter(query, name, event.target.value.trim()), true);
  const chip = (name, value, label, mark) => el("button", {
    type: "button", "aria-pressed": String(setOf(query, name).has(value)), "data-chip": `${name}=${value}`,
    onclick: () => go("matrix", [], toggled(query, name, value), true),
  }, mark ? glyph(mark) : null, label);
  const counts = new Map();
  C.out.forEach((out) => counts.set(D.outcomes[out], (counts.get(D.outcomes[out]) || 0) + 1));
  const left = countOnly(query);
  const outcomes = D.outcomes.filter((outcome) => counts.has(outcome));
  const active = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset : {};
  const focused = page.contains(document.activeElement) ? active.chip || active.field : null;
  const field = (name, label, width, hint) => el("label", {}, label, el("input", {
    value: query.get(name) || "", size: width, placeholder: hint, "data-field": name, onchange: change(name),
    oninput: name === "text" ? later(change(name)) : null,
    type: name === "text" ? "search" : "text", id: name === "text" ? "search" : null,
  }));
  const choice = (name, label, values) => el("label", {}, label, el("select", { onchange: change(name), "data-field": name },
    values.map(([value, told]) => el("option", { value, selected: (query.get(name) || "") === value }, told))));
  clear(page,
    el("h2", {}, "Matrix"),
    el("div", { class: "bar" },
      field("text", "instance", 22, "part of its id"),
      repos.length > 1 ? choice("repo", "repository", [["", "all"], ...repos.map((repo) => [repo, repo])]) : null,
      choice("sort", "order", Object.entries(SORTS).map(([key, told]) => [key === "id" ? "" : key, told])),
      field("cost", "cost, $", 8, "0.1-2"), field("time", "seconds", 8, "60-900"),
      el("button", { type: "button", onclick: () => go("matrix", [], new URLSearchParams(), true) }, "clear")),
    el("div", { class: "chips", role: "group", "aria-label": "Outcomes" },
      outcomes.map((outcome) => chip("outcome", outcome, `${words(outcome)} ${counts.get(outcome)}`, outcome))),
    el("div", { class: "chips bar", role: "group", "aria-label": "Only" },
      Object.entries(ONLY).filter(([value]) => left[value] || setOf(query, "only").has(value)).map(([value, label]) => chip("only", value, `${label} ${left[value]}`))),
    D.variants.length > 1 && D.variants.length <= 40 ? el("details", { open: setOf(query, "variant").size > 0 },
      el("summary", {}, "variants"), el("div", { class: "chips" }, D.variants.map((one) => chip("variant", one.name, one.name)))) : null,
    el("p", { class: "soft", id: "found" }, `${found.rows.length} of ${D.instances.length} instances, ${found.cells.length} of ${COUNT} cells`),
    found.rows.length ? makeBoard(found, query) : el("p", {}, "Nothing matches."));
  if (found.rows.length) board.draw();
  if (focused) {
    const again = page.querySelector(`[data-chip="${CSS.escape(focused)}"], [data-field="${CSS.escape(focused)}"]`);
    if (again) { again.focus(); if (again.type === "search") again.setSelectionRange(again.value.length, again.value.length); }
  }
  say(byId("found").textContent);
}

function later(action) {
  let waiting = 0;
  return (event) => { clearTimeout(waiting); const target = event.target; waiting = setTimeout(() => { if (target.isConnected) action({ target }); }, 150); };
}

function makeBoard(found, query) {
  const { rows, variants } = found;
  const scroll = el("div", { class: "grid-scroll", id: "grid-scroll" });
  const grid = el("div", { class: "grid", role: "grid", "aria-label": "Outcomes by instance and variant",
    "aria-rowcount": rows.length + 1, "aria-colcount": variants.length + 1 });
  const head = el("div", { class: "grid-head", role: "row", "aria-rowindex": 1 });
  grid.append(head);
  const body = el("div", { role: "rowgroup" });
  grid.append(body);
  scroll.style.maxWidth = `calc(var(--name) + ${variants.length * WIDEST}px + 18px)`; // with room for a scroll bar
  grid.style.height = `${HEAD + rows.length * ROW}px`;
  scroll.append(grid);
  const canvas = el("canvas", { role: "img", "aria-label": `All ${rows.length} rows in small; the grid beside tells each` });
  const at = { row: 0, column: 0 };
  board = { found, draw, move, canvas };

  // Columns take the room that there is; what is in sight as a whole needs no overview.
  function fit() {
    canvas.parentNode.hidden = scroll.scrollHeight <= scroll.clientHeight;
    const name = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--name"));
    COLUMN = Math.max(NARROW, Math.min(WIDEST, Math.floor((scroll.clientWidth - name) / variants.length)));
    scroll.style.setProperty("--column", `${COLUMN}px`);
    grid.style.width = `calc(var(--name) + ${variants.length * COLUMN}px)`;
  }

  function draw() {
    fit();
    const first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - 2);
    const last = Math.min(rows.length, Math.ceil((scroll.scrollTop + scroll.clientHeight) / ROW) + 2);
    const from = Math.max(0, Math.floor(scroll.scrollLeft / COLUMN) - 1);
    const to = Math.min(variants.length, Math.ceil((scroll.scrollLeft + scroll.clientWidth) / COLUMN) + 1);
    const focused = body.contains(document.activeElement);
    clear(head, el("div", { class: "name", role: "columnheader", "aria-colindex": 1 }, "instance"), gap(from),
      variants.slice(from, to).map((variant, place) => el("div", { class: "column", role: "columnheader",
        "aria-colindex": from + place + 2, title: D.variants[variant].name }, D.variants[variant].name + (D.variants[variant].oracle ? "*" : ""))));
    clear(body, rows.slice(first, last).map((inst, place) => row(inst, first + place, from, to)));
    if (focused) focus();
    overview();
  }

  // Of an id the part before the repository's name is what a narrow screen has no room for.
  function nameOf(id) {
    const at = id.indexOf("__") + 2;
    return at < 2 ? id : [el("span", { class: "owner" }, id.slice(0, at)), id.slice(at)];
  }

  function gap(columns) {
    const node = el("div", { role: "presentation" });
    node.style.flex = `0 0 ${columns * COLUMN}px`;
    return columns ? node : null;
  }

  function row(inst, place, from, to) {
    const told = D.instances[inst];
    const line = el("div", { class: "grid-row", role: "row", "aria-rowindex": place + 2 },
      el("div", { class: `name${told.unfit ? " unfit" : ""}`, role: "rowheader", "aria-colindex": 1, title: told.unfit ? `${told.id}: ${told.unfit}` : told.id }, nameOf(told.id)),
      gap(from), variants.slice(from, to).map((variant, column) => square(inst, variant, place, from + column)));
    line.style.top = `${HEAD + place * ROW}px`;
    return line;
  }

  function square(inst, variant, place, column) {
    const cells = cellsOf(inst, variant);
    const dim = cells.length > 0 && !cells.some((cell) => found.matching.has(cell));
    const doubt = cells.some((cell) => outcomeOf(cell) === "resolved" && D.states[C.integ[cell]] !== "clean");
    const resolved = cells.filter((cell) => outcomeOf(cell) === "resolved").length;
    const counted = cells.filter((cell) => COUNTED.has(outcomeOf(cell))).length;
    const told = cells.length ? cells.map((cell) => words(outcomeOf(cell))).join(", ") : "no record";
    const shift = shiftOf(inst, variant);
    const moved = shift ? `, ${shift < 0 ? "down" : "up"} by ${Math.abs(100 * shift).toFixed(0)} points since the baseline` : "";
    const several = REPS > 1 && cells.length > 0;
    const kind = cells.length === 0 ? "missing" : several ? "split" : outcomeOf(cells[0]);
    const link = el("a", {
      tabindex: place === at.row && column === at.column ? 0 : -1, "data-at": `${place},${column}`,
      href: cells.length ? addressOf("cell", cellParts(cells.find((cell) => found.matching.has(cell)) ?? cells[0]), query) : null,
      role: cells.length ? null : "link", "aria-disabled": cells.length ? null : "true",
      "aria-label": `${D.instances[inst].id}, ${D.variants[variant].name}${several ? `, ${resolved}/${counted}` : ""}: ${told}${doubt ? ", not clean" : ""}${moved}`,
      onfocus: () => { at.row = place; at.column = column; },
    }, several ? `${resolved}/${counted}` : cells.length ? GLYPHS[outcomeOf(cells[0])] : GLYPHS.missing);
    const node = el("div", { class: `square ${kind}${dim ? " dim" : ""}${doubt ? " doubt" : ""}${shift ? shift < 0 ? " down" : " up" : ""}`,
      role: "gridcell", "aria-colindex": column + 2 }, link);
    if (several) {
      const part = 100 / cells.length;
      const stripes = `linear-gradient(90deg, ${cells.map((cell, tick) =>
        `var(--${outcomeOf(cell)}) ${tick * part}% ${(tick + 1) * part}%`).join(", ")})`;
      node.style.backgroundImage = dim ? `linear-gradient(var(--veil), var(--veil)), ${stripes}` : stripes;
    }
    return node;
  }

  function focus() {
    const node = body.querySelector(`[data-at="${at.row},${at.column}"]`);
    if (node) { node.tabIndex = 0; node.focus({ preventScroll: true }); node.scrollIntoView({ block: "nearest", inline: "nearest" }); }
  }

  function move(down, right) {
    at.row = Math.min(rows.length - 1, Math.max(0, at.row + down));
    at.column = Math.min(variants.length - 1, Math.max(0, at.column + right));
    const top = at.row * ROW;
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    const left = at.column * COLUMN;
    if (left < scroll.scrollLeft) scroll.scrollLeft = left;
    const name = head.firstChild.offsetWidth;
    if (left + COLUMN + name > scroll.scrollLeft + scroll.clientWidth) scroll.scrollLeft = left + COLUMN + name - scroll.clientWidth;
    if (top + ROW + HEAD > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + ROW + HEAD - scroll.clientHeight;
    draw();
    focus();
  }

  function overview() {
    const box = canvas.getBoundingClientRect();
    if (!box.height) return;
    canvas.width = variants.length; canvas.height = Math.min(rows.length, Math.round(box.height));
    const pen = canvas.getContext("2d");
    const colours = getComputedStyle(document.documentElement);
    const colourOf = {};
    D.outcomes.forEach((outcome) => { colourOf[outcome] = colours.getPropertyValue(`--${outcome}`).trim(); });
    for (let y = 0; y < canvas.height; y++) {
      const inst = rows[Math.floor(y * rows.length / canvas.height)];
      variants.forEach((variant, x) => {
        const cell = cellsOf(inst, variant).find((one) => found.matching.has(one));
        if (cell === undefined) return;
        pen.fillStyle = colourOf[outcomeOf(cell)];
        pen.fillRect(x, y, 1, 1);
      });
    }
  }

  let asked = false;
  scroll.addEventListener("scroll", () => {
    if (!asked) { asked = true; requestAnimationFrame(() => { asked = false; if (scroll.isConnected) draw(); }); }
  });
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    scroll.scrollTop = (event.clientY - box.top) / box.height * rows.length * ROW - scroll.clientHeight / 2;
  });
  return el("div", { class: "board" }, el("div", { class: "small" }, canvas), scroll);
}

addEventListener("resize", () => { if (board && !byId("matrix").hidden) board.draw(); });
