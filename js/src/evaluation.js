// @ts-check
// An evaluation as a table of rows and variants that fills while it runs. A cell opens with all that led to its grade.

/** @import {AnyModel} from "@anywidget/types" */
/** @import {Cell, Filter, Reply} from "./evaluation-rows.js" */

import { button, freshId, h, say } from "./dom.js";
import { kept, paged, preview } from "./evaluation-rows.js";
import { changesOf, hideStatic, listen, renderer } from "./host.js";

/** @type {Record<string, string>} */
const MARKS = { passed: "✔", failed: "✘", scored: "•", missing: "…" };
const STEPS = /** @type {Record<string, [number, number]>} */ ({ ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] });

class Table {
  /** @type {Filter} */
  filter = "all";
  page = 0;
  /** @type {[number, number] | null} */
  open = null;

  /** @param {AnyModel} model @param {HTMLElement} root */
  constructor(model, root) {
    this.model = model;
    this.line = h("p", { class: "cnb-told", role: "status" });
    this.bar = h("progress", { class: "cnb-progress", "aria-label": "replies" });
    this.choices = h("div", { class: "cnb-choices", role: "group", "aria-label": "Rows" });
    this.table = h("div", { class: "cnb-scroll", onkeydown: (/** @type {KeyboardEvent} */ event) => this.walk(event) });
    this.hint = h("p", { class: "cnb-hint" });
    this.details = h("div", { class: "cnb-details" });
    root.append(h("div", { class: "cnb-status" }, this.line, this.bar), this.choices, this.hint, this.table);
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    this.draw();
  }

  /** @returns {Cell[][]} */
  get cells() {
    return this.model.get("cells");
  }
  /** @returns {string[]} */
  get variants() {
    return this.model.get("variants");
  }

  draw() {
    const { done, total, line, live } = this.model.get("state");
    Object.assign(this.bar, { max: Math.max(1, total), value: done, hidden: !live });
    say(this.line, line);
    say(this.hint, this.model.get("note"));
    this.drawChoices();
    this.drawTable();
    this.drawDetails();
  }

  drawChoices() {
    const names = /** @type {[Filter, string][]} */ ([["all", "All"], ["failures", "Failures"], ["flips", "Flips"]]); // prettier-ignore
    const buttons = names.map(([filter, name]) =>
      button(`${name} ${kept(this.cells, filter).length.toLocaleString("en")}`, () => this.choose(filter), {
        "data-filter": filter,
        "aria-pressed": filter === this.filter ? "true" : "false",
        hidden: filter === "flips" && this.variants.length < 2,
      }),
    );
    const { pages, at } = paged(kept(this.cells, this.filter), this.page);
    const turn = (/** @type {string} */ name, /** @type {number} */ to) =>
      button(name, () => this.turn(to), { "data-turn": name, disabled: to < 0 || to >= pages });
    const parts = pages > 1 ? [turn("Previous", at - 1), h("span", { class: "cnb-count" }, `page ${at + 1} of ${pages}`), turn("Next", at + 1)] : [];
    refocus(this.choices, "filter", "turn", () => this.choices.replaceChildren(...buttons, ...parts));
  }

  /** @param {Filter} filter */
  choose(filter) {
    Object.assign(this, { filter, page: 0 });
    this.draw();
  }

  /** @param {number} page */
  turn(page) {
    this.page = page;
    this.draw();
  }

  drawTable() {
    const rows = this.model.get("rows");
    const { rows: shown } = paged(kept(this.cells, this.filter), this.page);
    const rates = this.model.get("rates");
    const heads = this.variants.map((name, i) => h("th", { scope: "col" }, name, h("span", { class: "cnb-count" }, rates[i])));
    const head = h("tr", {}, h("th", { scope: "col" }, "row"), h("th", { scope: "col" }, "expected"), ...heads);
    const body = shown.flatMap((i) => [
      h("tr", {}, h("th", { scope: "row" }, `${i}: ${rows[i].name}`), h("td", { class: "cnb-expected" }, rows[i].expected), ...this.variants.map((_, k) => h("td", {}, this.cell(i, k)))),
      ...(this.open?.[0] === i ? [h("tr", {}, h("td", { colspan: 2 + this.variants.length }, this.details))] : []),
    ]);
    const empty = shown.length ? null : h("p", { class: "cnb-hint" }, this.filter === "flips" ? "no row differs between the variants" : "no reply has failed");
    refocus(this.table, "cell", "", () => this.table.replaceChildren(empty ?? h("table", {}, h("thead", {}, head), h("tbody", {}, ...body))));
  }

  /** @param {number} row @param {number} variant */
  cell(row, variant) {
    const cell = this.cells[row][variant];
    const several = cell.replies.length > 1 && cell.value !== null ? ` ${Math.round(100 * cell.value)}%` : "";
    const isOpen = this.open?.[0] === row && this.open[1] === variant;
    return h(
      "button",
      {
        type: "button",
        class: "cnb-square",
        "data-cell": `${row},${variant}`,
        "data-outcome": cell.outcome,
        "aria-expanded": isOpen ? "true" : "false",
        "aria-label": `row ${row}, ${this.variants[variant]}: ${cell.outcome}${several}`,
        onclick: () => (isOpen ? this.close() : this.show(row, variant)),
      },
      h("span", { class: "cnb-figure" }, `${MARKS[cell.outcome] ?? "–"} ${cell.outcome}${several}`),
      h("span", { class: "cnb-preview", dir: "auto" }, preview(cell)),
    );
  }

  /** @param {number} row @param {number} variant */
  show(row, variant) {
    this.open = [row, variant];
    this.model.set("opened", this.open);
    this.model.save_changes(); // Python answers with the whole of the cell
    this.drawTable();
    this.drawDetails();
  }

  close() {
    if (!this.open) return;
    const [row, variant] = this.open;
    this.open = null;
    this.drawTable();
    this.drawDetails();
    /** @type {HTMLElement | null} */ (this.table.querySelector(`[data-cell="${row},${variant}"]`))?.focus();
  }

  /** Move between cells with the arrow keys. @param {KeyboardEvent} event */
  walk(event) {
    const step = STEPS[event.key];
    const from = event.target instanceof HTMLElement ? event.target.closest("td") : null;
    if (!step || !from) return;
    const lines = [...this.table.querySelectorAll("tr")].filter((line) => line.querySelector(".cnb-square"));
    const line = lines[lines.indexOf(/** @type {HTMLTableRowElement} */ (from.parentElement)) + step[0]];
    const next = line?.cells[from.cellIndex + step[1]]?.querySelector("button");
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  drawDetails() {
    if (!this.open) return;
    const [row, variant] = this.open;
    const whole = this.model.get("detail");
    const isWhole = whole.row === row && whole.variant === variant;
    const cell = isWhole ? whole : this.cells[row][variant];
    const heading = freshId("cell");
    const expected = isWhole ? whole.expected : this.model.get("rows")[row].expected;
    const parts = [part("prompt", cell.prompt), ...(expected ? [part("expected", expected)] : []), ...cell.replies.flatMap(graded)];
    const close = button("Close", () => this.close());
    const title = h("strong", { id: heading }, `row ${row}, ${this.variants[variant]}`);
    const cut = cell.cut ? h("p", { class: "cnb-hint" }, isWhole ? "long texts are cut here; .cell() has all" : "the rest follows when the kernel is free") : null;
    this.details.replaceChildren(
      h("section", { class: "cnb-case", "aria-labelledby": heading }, h("div", { class: "cnb-case-head" }, title, close), h("dl", {}, ...parts.flat()), cut),
    );
  }
}

/** @param {string} name @param {string} text @param {string} [kind] */
const part = (name, text, kind = "") => [h("dt", { class: kind }, name), h("dd", { class: "cnb-text", dir: "auto" }, text)];

/** A reply and what each grader says of it. @param {Reply} reply */
const graded = (reply) => [
  part("reply", reply.text || "(none)"),
  ...(reply.end ? [part(reply.outcome, reply.end, "cnb-failed")] : []),
  ...reply.grades.map(([name, verdict, reason]) => part(`${name}: ${verdict}`, reason, verdict.includes("passed") ? "" : "cnb-failed")),
];

/** Draw again, and keep the focus on the element with the same data. @param {HTMLElement} box @param {string} name @param {string} other @param {() => void} draw */
function refocus(box, name, other, draw) {
  const had = /** @type {HTMLElement | null} */ (box.contains(document.activeElement) ? document.activeElement : null)?.dataset;
  draw();
  const key = had && [name, other].find((each) => each && had[each] !== undefined);
  if (key) /** @type {HTMLElement | null} */ (box.querySelector(`[data-${key}="${had[key]}"]`))?.focus();
}

const render = renderer((model, signal) => {
  const root = h("div", { class: "cnb-root cnb-grid cnb-evaluation", role: "group", "aria-label": "Evaluation" });
  const table = new Table(model, root);
  listen(model, signal, { ...changesOf(["cells", "state", "note", "rates"], () => table.draw()), "change:detail": () => table.drawDetails() });
  hideStatic("evaluation", model.get("uid"), signal);
  return root;
});

export default { render };
