// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { fails, flips, kept, paged, preview } from "../src/evaluation-rows.js";

/** @param {string} outcome @param {number | null} value @param {string} text @param {string} end */
const cell = (outcome, value, text = "", end = "") => ({ outcome, value, prompt: "", cut: false, replies: [{ outcome, text, end, grades: [] }] });
const row = { good: [cell("passed", 1), cell("passed", 1)], bad: [cell("failed", 0), cell("failed", 0)], flip: [cell("passed", 1), cell("failed", 0)] }; // prettier-ignore
const open = [cell("missing", null), cell("passed", 1)];
const broken = [cell("error", null), cell("passed", 1)];

test("failures are replies that did not pass, and not those that are missing", () => {
  assert.deepEqual([row.good, row.bad, row.flip, open, broken].map(fails), [false, true, true, false, true]);
});

test("flips are rows in which graded variants differ", () => {
  assert.deepEqual([row.good, row.bad, row.flip, open, broken].map(flips), [false, false, true, false, false]);
});

test("a filter keeps the numbers of the rows", () => {
  const cells = [row.good, row.flip, row.bad];
  assert.deepEqual(kept(cells, "all"), [0, 1, 2]);
  assert.deepEqual(kept(cells, "failures"), [1, 2]);
  assert.deepEqual(kept(cells, "flips"), [1]);
});

test("pages hold fifty rows, and a page that no longer exists is the last one", () => {
  const rows = Array.from({ length: 120 }, (_, i) => i);
  assert.deepEqual([paged(rows, 0).rows.length, paged(rows, 2).rows.length, paged(rows, 9).at], [50, 20, 2]);
  assert.deepEqual(paged([], 3), { pages: 1, at: 0, rows: [] });
});

test("a cell shows its reply in one line, or why there is none", () => {
  assert.equal(preview(cell("passed", 1, "a\n\nb")), "a b");
  assert.equal(preview(cell("error", null, "", "no answer")), "no answer");
});
