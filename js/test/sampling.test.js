// @ts-check
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { draw, effectiveChoices, entropyBits, shape, surprisalBits, survivors } from "../src/sampling.js";

/** @typedef {{name: string, p: number[], settings: object, final: number[], cut?: ("top_k" | "top_p" | "min_p" | null)[], entropy_bits?: number, survivors: number, draws?: [number, number][]}} Case */

const file = new URL("../../tests/sampling_cases.json", import.meta.url);
/** @type {Case[]} */
const cases = JSON.parse(readFileSync(file, "utf8")).cases;

/** @param {number} a @param {number} b @param {string} what */
const near = (a, b, what) => assert.ok(Math.abs(a - b) < 1e-9, `${what}: ${a}, not ${b}`);

for (const each of cases) {
  test(`golden case: ${each.name}`, () => {
    const { final, cut } = shape(each.p, each.settings);
    each.final.forEach((expected, i) => near(final[i], expected, `token ${i}`));
    assert.equal(survivors(final), each.survivors);
    if (each.cut) assert.deepEqual(cut, each.cut);
    if (each.entropy_bits !== undefined) {
      near(entropyBits(final), each.entropy_bits, "entropy");
      near(effectiveChoices(final), 2 ** each.entropy_bits, "effective choices");
    }
    for (const [u, token] of each.draws ?? []) assert.equal(draw(final, u), token, `u = ${u}`);
  });
}

test("every stage sums to one, at any temperature", () => {
  const p = [0.4, 0.3, 0.2, 0.1 - 1e-9, 1e-9];
  for (const temperature of [0, 5e-324, 1e-300, 1e-6, 0.7, 1, 2, 1e6, 1e300]) {
    for (const order of /** @type {const} */ (["temperature_first", "temperature_last"])) {
      for (const stage of shape(p, { temperature, top_k: 3, top_p: 0.9, min_p: 0.1, order }).stages) {
        near(Array.from(stage.p).reduce((a, b) => a + b), 1, `${stage.name} at T=${temperature}`);
      }
    }
  }
});

test("the stages come in the order they were applied", () => {
  const names = shape([0.6, 0.4], { order: "temperature_last" }).stages.map((stage) => stage.name);
  assert.deepEqual(names, ["model", "top_k", "top_p", "min_p", "temperature"]);
});

test("settings may be plain null, as they arrive from Python", () => {
  assert.deepEqual(Array.from(shape([0.6, 0.4], { temperature: null, top_k: null, top_p: null }).final), [0.6, 0.4]);
});

test("a half is worth one bit of surprise", () => {
  assert.equal(surprisalBits(0.5), 1);
  assert.equal(surprisalBits(0), Infinity);
});
