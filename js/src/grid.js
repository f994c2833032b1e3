// @ts-check
// A sweep as small multiples that fill while it runs: a cell for each combination, a strip for each reply.

/** @import {AnyModel} from "@anywidget/types" */
/** @import {Axis, Cell, Layout, Metric} from "./cells.js" */

import { layout, pinned, shade, span, strip, table, title } from "./cells.js";
import { button, freshId, h, say } from "./dom.js";
import { changesOf, hideStatic, listen, renderer } from "./host.js";

const STRIPS = 12;
const FEW = 10;

class Grid {
  /** @type {Partial<Layout>} */
  kept = {};
  /** @type {number | null} */
  open = null;
  /** @type {number[]} */
  pins = [];

  /** @param {AnyModel} model @param {HTMLElement} root */
  constructor(model, root) {
    this.model = model;
    this.line = h("p", { class: "cnb-told", role: "status" });
    this.bar = h("progress", { class: "cnb-progress", "aria-label": "replies" });
    this.choices = h("div", { class: "cnb-choices" });
    this.table = h("div", { class: "cnb-scroll" });
    this.hint = h("p", { class: "cnb-hint" });
    this.details = h("div", { class: "cnb-details" });
    root.append(h("div", { class: "cnb-status" }, this.line, this.bar), this.choices, this.table, this.hint, this.details);
    this.draw();
  }

  /** @returns {Axis[]} */
  get axes() {
    return this.model.get("axes");
  }
  /** @returns {Cell[]} */
  get cells() {
    return this.model.get("cells");
  }
  /** @returns {Metric[]} */
  get metrics() {
    return this.model.get("metrics");
  }
  get metric() {
    return this.metrics.find((one) => one.name === this.model.get("metric")) ?? this.metrics[0];
  }

  draw() {
    this.drawState();
    this.drawChoices();
    this.drawCells();
  }

  drawState() {
    const { done, total, line, live } = this.model.get("state");
    Object.assign(this.bar, { max: Math.max(1, total), value: done, hidden: !live });
    say(this.line, line);
  }

  drawChoices() {
    const { down, across, fixed } = layout(this.axes, this.kept);
    const names = this.axes.map((axis) => axis.name);
    const parts = [select("metric", this.metrics.map((one) => one.label), this.metrics.indexOf(this.metric), (i) => this.choose(i))];
    if (names.length > 1) {
      parts.push(select("rows", names, down, (i) => this.turn({ down: i, across: i === across ? down : across })));
      parts.push(select("columns", names, across, (i) => this.turn({ across: i, down: i === down ? across : down })));
    }
    this.axes.forEach((axis, i) => {
      if (i === down || i === across) return;
      parts.push(select(axis.name, axis.values, fixed[i], (value) => this.turn({ fixed: fixed.with(i, value) })));
    });
    const had = this.choices.contains(document.activeElement) ? [...this.choices.querySelectorAll("select")].indexOf(/** @type {any} */ (document.activeElement)) : -1;
    this.choices.replaceChildren(...parts);
    if (had >= 0) this.choices.querySelectorAll("select")[had]?.focus();
  }

  /** @param {number} i */
  choose(i) {
    this.model.set("metric", this.metrics[i].name);
    this.model.save_changes(); // Python computes slow metrics on demand
    this.draw();
  }

  /** @param {Partial<Layout>} change */
  turn(change) {
    this.kept = { ...layout(this.axes, this.kept), ...change };
    this.draw();
  }

  drawCells() {
    const { axes, cells, metric } = this;
    const chosen = layout(axes, this.kept);
    const range = span(cells, metric.name);
    const columns = chosen.across < 0 ? [""] : axes[chosen.across].values;
    const corner = [axes[chosen.down].name, axes[chosen.across]?.name].filter(Boolean).join(" / ");
    const head = h("tr", {}, h("th", { scope: "col", class: "cnb-corner" }, corner), ...columns.map((text) => h("th", { scope: "col" }, text)));
    const rows = table(axes, cells, chosen).map((row, i) =>
      h("tr", {}, h("th", { scope: "row" }, axes[chosen.down].values[i]), ...row.map((number) => h("td", {}, number === null ? null : this.cell(number, range)))),
    );
    const had = /** @type {HTMLElement | null} */ (this.table.contains(document.activeElement) ? document.activeElement : null)?.dataset.cell;
    this.table.replaceChildren(h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows)));
    if (had) /** @type {HTMLElement | null} */ (this.table.querySelector(`[data-cell="${had}"]`))?.focus();
    const few = cells.some((cell) => !cell.locked && cell.n < FEW) ? ` · fewer than ${FEW} replies in a cell: neighbours may swap places by chance` : "";
    say(this.hint, `${metric.label}: ${metric.help} · each strip is one reply, the same word in the same colour${few}`);
    this.drawDetails();
  }

  /** @param {number} number @param {[number, number] | null} range */
  cell(number, range) {
    const cell = this.cells[number];
    if (cell.locked) return h("div", { class: "cnb-square cnb-locked" }, h("span", { class: "cnb-lock" }, "locked"), cell.locked);
    const [value, shown] = cell.values[this.metric.name] ?? [null, "–"];
    const counts = `n = ${cell.n}${cell.n + cell.failed < cell.wanted ? ` of ${cell.wanted}` : ""}${cell.failed ? `, ${cell.failed} failed` : ""}`;
    const strips = cell.texts.filter((one) => !one.error).slice(0, STRIPS).map((one) => drawn(one.text));
    const self = h(
      "button",
      {
        type: "button",
        class: "cnb-square",
        "data-cell": number,
        "aria-expanded": this.open === number ? "true" : "false",
        "aria-label": `${title(this.axes, cell)}: ${this.metric.label} ${shown}, ${counts}`,
        onclick: () => {
          this.open = this.open === number ? null : number;
          this.drawCells();
        },
      },
      h("span", { class: "cnb-figure" }, shown),
      h("span", { class: "cnb-count" }, this.pins.includes(number) ? `${counts} · pinned` : counts),
      ...strips,
    );
    self.style.setProperty("--cnb-shade", `${Math.round(shade(value, range) * 55)}%`);
    return self;
  }

  drawDetails() {
    const shown = [...this.pins, ...(this.open === null || this.pins.includes(this.open) ? [] : [this.open])];
    this.details.replaceChildren(...shown.map((number) => this.texts(number)));
    this.details.hidden = !shown.length;
  }

  /** @param {number} number */
  texts(number) {
    const cell = this.cells[number];
    const isPinned = this.pins.includes(number);
    const pin = button(isPinned ? "Unpin" : "Pin to compare", () => {
      this.pins = pinned(this.pins, number);
      this.drawCells();
    }, { "aria-pressed": isPinned ? "true" : "false" }); // prettier-ignore
    const close = button("Close", () => {
      this.pins = this.pins.filter((one) => one !== number);
      if (this.open === number) this.open = null;
      this.drawCells();
    });
    const items = cell.texts.map((one) =>
      h("li", { class: one.error ? "cnb-failed" : "" }, h("div", { class: "cnb-text", dir: "auto" }, one.error ?? one.text), h("div", { class: "cnb-end" }, ending(one))),
    );
    const heading = freshId("cell");
    return h(
      "section",
      { class: "cnb-case", "aria-labelledby": heading },
      h("div", { class: "cnb-case-head" }, h("strong", { id: heading }, title(this.axes, cell)), h("span", { class: "cnb-count" }, cell.mix), pin, close),
      cell.texts.length ? h("ol", {}, ...items) : h("p", { class: "cnb-hint" }, "no replies yet"),
    );
  }
}

/** @param {import("./cells.js").Text} one */
function ending(one) {
  const parts = [one.error ? "failed" : one.end, one.replay ? "from the history" : "", one.cut ? `${one.cut.toLocaleString("en")} more characters are in .replies` : ""];
  return parts.filter(Boolean).join(" · ");
}

/** @param {string} text */
function drawn(text) {
  const self = h("span", { class: "cnb-strip" });
  self.style.background = strip(text);
  return self;
}

/** @param {string} name @param {string[]} options @param {number} chosen @param {(i: number) => void} change */
function select(name, options, chosen, change) {
  const list = h("select", { onchange: () => change(list.selectedIndex) }, ...options.map((text) => h("option", {}, text)));
  list.selectedIndex = chosen;
  return h("label", {}, h("span", {}, name), list);
}

const render = renderer((model, signal) => {
  const root = h("div", { class: "cnb-root cnb-grid", role: "group", "aria-label": "Sweep" });
  const grid = new Grid(model, root);
  listen(model, signal, {
    "change:state": () => grid.drawState(),
    "change:cells": () => grid.drawCells(),
    ...changesOf(["metrics", "metric"], () => grid.draw()),
  });
  hideStatic("sweep", model.get("uid"), signal);
  return root;
});

export default { render };
