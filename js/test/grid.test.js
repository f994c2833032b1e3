// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { colour, layout, pinned, shade, span, strip, table, title, words } from "../src/cells.js";

const AXES = [
  { name: "temperature", values: ["0", "1"] },
  { name: "top_p", values: ["0.5", "0.9", "1"] },
  { name: "model", values: ["a", "b"] },
];

/** @param {number[]} at @param {number | null} value @returns {import("../src/cells.js").Cell} */
const cell = (at, value = null) => ({ at, locked: null, wanted: 1, n: 1, failed: 0, mix: "", values: { m: [value, ""] }, texts: [] });

const CELLS = [0, 1].flatMap((t) => [0, 1, 2].flatMap((p) => [0, 1].map((m) => cell([t, p, m], t * 10 + p))));

test("the first axis lies down, the second across, the others at their first value", () => {
  const chosen = layout(AXES);
  assert.deepEqual(chosen, { down: 0, across: 1, fixed: [0, 0, 0] });
  assert.deepEqual(table(AXES, CELLS, chosen), [[0, 2, 4], [6, 8, 10]]);
});

test("another choice of axes is kept, and a value for the axis that is left", () => {
  const chosen = layout(AXES, { down: 2, across: 0, fixed: [0, 2, 0] });
  assert.deepEqual(table(AXES, CELLS, chosen), [[4, 10], [5, 11]]);
});

test("what no longer fits the axes falls back", () => {
  assert.deepEqual(layout(AXES.slice(0, 2), { down: 2, across: 2, fixed: [9, 9] }), { down: 0, across: 1, fixed: [1, 2] });
  assert.deepEqual(layout(AXES, { down: 1, across: 1 }), { down: 1, across: 0, fixed: [0, 0, 0] });
});

test("one axis is one column", () => {
  const axes = AXES.slice(0, 1);
  assert.deepEqual(table(axes, [cell([0]), cell([1])], layout(axes)), [[0], [1]]);
});

test("a place without a combination is empty", () => {
  const axes = AXES.slice(0, 2);
  assert.deepEqual(table(axes, [cell([0, 0]), cell([1, 2])], layout(axes)), [[0, null, null], [null, null, 1]]);
});

test("shades lie between the smallest and the largest value", () => {
  const range = span(CELLS, "m");
  assert.deepEqual(range, [0, 12]);
  assert.deepEqual([shade(0, range), shade(6, range), shade(12, range)], [0, 0.5, 1]);
  assert.equal(shade(null, range), 0);
  assert.equal(shade(3, [3, 3]), 0);
  assert.equal(span(CELLS, "other"), null);
});

test("words and their colours are those of the saved page", () => {
  // the same cases as in tests/sweeps/test_views.py
  assert.deepEqual(words("It's red, Red! 火星"), ["it's", "red", ",", "red", "!", "火", "星"]);
  assert.equal(colour("fox"), "hsl(110,45%,70%)");
  assert.equal(colour("火"), "hsl(50,45%,52%)");
});

test("a strip has a stop for each word and ends where the reply does", () => {
  assert.equal(strip("fox fox"), `linear-gradient(90deg,${colour("fox")} 0.0% 4.2%,${colour("fox")} 4.2% 8.3%,transparent 8.3%)`);
  assert.equal(strip("  "), "");
});

test("a cell is named after its settings", () => {
  assert.equal(title(AXES, cell([1, 2, 0])), "temperature 1, top_p 1, model a");
  assert.equal(title([{ name: "", values: [""] }], cell([0])), "one setting");
});

test("two cells can be pinned, a third takes the place of the older", () => {
  assert.deepEqual(pinned([], 1), [1]);
  assert.deepEqual(pinned([1, 2], 3), [2, 3]);
  assert.deepEqual(pinned([1, 2], 1), [2]);
});
