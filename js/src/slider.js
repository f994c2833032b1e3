// @ts-check
// One setting: a switch, a number box, a slider, and a line that says what it does or why it is locked.

/** @import {Row} from "./controls.js" */

import { scale, start, tidy, toPosition, toValue } from "./controls.js";
import { button, freshId, h, say } from "./dom.js";

/**
 * @param {string} name
 * @param {(value: number | null) => void} put  receives a new value; null: switched off
 * @param {{off: string, spoken: string, reset: string}} [texts]  shown and read aloud while it is off; the label of ↺
 */
export function sliderRow(name, put, texts = { off: "default", spoken: "model default", reset: "back to the model's default" }) {
  /** @type {Row} */
  let row;
  /** @type {number | null} */
  let drawn = null;
  const [id, hintId] = [freshId(name), freshId("hint")];
  const toggle = h("input", {
    type: "checkbox",
    role: "switch",
    id,
    "aria-describedby": hintId,
    onchange: () => put(toggle.checked ? start(row) : null),
  });
  const box = h("input", {
    type: "number",
    class: "cnb-number",
    placeholder: "—",
    onchange: () => {
      const value = box.value === "" ? null : tidy(row, Number(box.value));
      box.value = value === null ? "" : String(value);
      put(value);
    },
  });
  const reset = button("↺", () => (put(null), toggle.focus()), { class: "cnb-icon" });
  const range = h("input", {
    type: "range",
    "aria-describedby": hintId,
    oninput: () => put(toValue(row, Number(range.value))),
  });
  const label = h("label", { for: id });
  const hint = h("p", { class: "cnb-hint", id: hintId });
  const unit = h("span", { class: "cnb-unit" });
  const top = h("div", { class: "cnb-row-top" }, toggle, label, unit, box, reset);
  const element = h("div", { class: "cnb-row", "data-name": name }, top, range, hint);

  /** @param {Row} next */
  function draw(next) {
    row = next;
    const on = row.value !== null;
    element.dataset.state = row.locked ? "locked" : on ? "on" : "off";
    say(label, row.label);
    for (const input of [toggle, box, range]) input.disabled = Boolean(row.locked);
    toggle.checked = on;
    reset.hidden = !on;
    reset.setAttribute("aria-label", `${row.label}: ${texts.reset}`);
    reset.title = texts.reset;
    box.setAttribute("aria-label", `${row.label}, number`);
    range.setAttribute("aria-label", `${row.label}, slider`);
    const { min, max, step } = scale(row);
    Object.assign(range, { min: String(min), max: String(max), step: String(step) });
    Object.assign(box, { min: String(row.low), max: String(row.high), step: String(row.step) });
    const value = row.value ?? start(row);
    range.value = String(toPosition(row, value));
    range.setAttribute("aria-valuetext", on ? `${value} ${row.unit}`.trim() : texts.spoken);
    const part = (Number(range.value) - min) / (max - min);
    element.style.setProperty("--cnb-part", `${(100 * part).toFixed(1)}%`);
    if (row.beyond !== null) element.style.setProperty("--cnb-beyond", `${(100 * (row.beyond - row.low)) / (row.high - row.low)}%`);
    element.toggleAttribute("data-beyond", row.beyond !== null);
    // Do not overwrite what is being typed, unless the value has changed.
    if (row.value !== drawn || !box.matches(":focus")) box.value = on ? String(row.value) : "";
    drawn = row.value;
    say(unit, on ? "" : row.locked ? "not available" : texts.off);
    say(hint, hintFor(row));
  }

  return { element, draw };
}

/** @param {Row} row */
function hintFor(row) {
  if (row.locked) return row.locked;
  if (row.note) return row.note;
  if (row.beyond === null) return row.help;
  const past = row.value !== null && row.value > row.beyond ? `${row.value} is` : `above ${row.beyond} is`;
  return `${row.help}; ${past} beyond Claude's range`;
}
