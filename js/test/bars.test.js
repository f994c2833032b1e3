// @ts-check
import assert from "node:assert/strict";
import test from "node:test";
import { bars, briefly, drawMany, length, percent, perplexity, pipeline, readout, shown, TOP, wilson } from "../src/bars.js";
import { ranked, shape } from "../src/sampling.js";

/** A long-tailed distribution over 200 words. */
const model = (() => {
  const raw = Array.from({ length: 200 }, (_, i) => 1 / (i + 1) ** 1.3);
  const whole = raw.reduce((a, b) => a + b, 0);
  return raw.map((x) => x / whole);
})();

/** @param {number} seed */
function dice(seed) {
  let state = seed;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}

test("bars and the others together hold all of the probability, before and after the settings", () => {
  for (const settings of [{}, { temperature: 0.5 }, { top_k: 3 }, { top_p: 0.6, temperature: 1.4 }, { temperature: 0 }]) {
    const { bars: rows, others } = bars(shape(model, settings), 3, ranked(model), 0);
    const sum = (/** @type {"p" | "r"} */ name) => rows.reduce((total, row) => total + row[name], others[name]);
    assert.ok(Math.abs(sum("p") - 1) < 1e-9, JSON.stringify(settings));
    assert.ok(Math.abs(sum("r") - 1) < 1e-9, JSON.stringify(settings));
    assert.equal(rows.length + others.count, 200);
  }
});

test("a drawn word that is not among the likeliest has a bar all the same", () => {
  const { bars: rows } = bars(shape(model), 3, ranked(model), 150);
  assert.equal(rows.length, TOP + 1);
  assert.equal(rows[TOP].token, 150);
});

test("what was cut is counted, with a bar or among the others", () => {
  const sampled = shape(model, { top_k: 3 });
  const { bars: rows, others } = bars(sampled, 3, ranked(model), 0);
  assert.deepEqual(rows.map((row) => row.cut).slice(0, 5), [null, null, null, "top_k", "top_k"]);
  assert.equal(others.cut, 200 - TOP);
});

test("the running sum is of what top_p compares: after the temperature, or of the model when that comes last", () => {
  const first = bars(shape(model, { temperature: 0.5, top_p: 0.8 }), 3, ranked(model), 0).bars;
  const last = bars(shape(model, { temperature: 0.5, top_p: 0.8, order: "temperature_last" }), 3, ranked(model), 0).bars;
  assert.ok(first[0].after > last[0].after);
  assert.equal(last[0].after, model[0]);
});

test("each stage of the pipeline can only lose words", () => {
  const words = pipeline(shape(model, { temperature: 1.5, top_k: 40, top_p: 0.9 })).map((stage) => stage.words);
  assert.deepEqual(words, [...words].sort((a, b) => b - a));
  assert.equal(words[2], 40);
});

test("a certain word has no entropy and one effective choice", () => {
  assert.equal(pipeline(shape(model, { temperature: 0 }))[3].effective, 1);
});

test("the readout tells rank, surprise and what was cut away", () => {
  const one = readout(shape([0.5, 0.25, 0.25], { top_k: 1 }), 1, [0, 1, 2]);
  assert.deepEqual([one.rank, one.bits, one.r, one.cutMass, one.words], [2, 2, 0, 0.5, 1]);
});

test("the perplexity of a text leaves out what has no probability", () => {
  assert.deepEqual(perplexity([1, 3, null]), { mean: 2, perplexity: 4 });
  assert.equal(perplexity([]).perplexity, 1);
});

test("a thousand draws land within four points of the bars, and never on a word that was cut", () => {
  const r = shape(model, { temperature: 0.8, top_k: 12 }).final;
  const { counts } = drawMany(r, 1000, dice(7));
  for (let token = 0; token < 200; token += 1) {
    const seen = (counts.get(token) ?? 0) / 1000;
    assert.ok(Math.abs(seen - r[token]) < 0.04, `word ${token}`);
    if (r[token] === 0) assert.equal(seen, 0);
  }
});

test("further draws are added to the earlier ones", () => {
  const { counts } = drawMany([0, 1], 5, Math.random, new Map([[1, 2]]));
  assert.deepEqual([...counts], [[1, 7]]);
});

test("Wilson's interval is the one that the sweeps use", () => {
  assert.ok(Math.abs(wilson(3, 3).low - 0.4385) < 1e-4);
  assert.deepEqual(wilson(0, 0), { low: 0, high: 1 });
  for (let k = 0; k <= 20; k += 1) {
    const { low, high } = wilson(k, 20);
    assert.ok(low <= k / 20 + 1e-12 && high >= k / 20 - 1e-12 && low >= 0 && high <= 1);
  }
});

test("bars are as long as their share, and on the log scale a thousandth is still to be seen", () => {
  assert.equal(length(0.2, 0.4, false), 0.5);
  assert.equal(length(0.001, 0.4, true), 0.5);
  assert.equal(length(0, 0.4, true), 0);
});

test("shares, words and settings are written for people", () => {
  assert.deepEqual([0.398, 0.00052, 0, 1, 1e-9].map(percent), ["39.8%", "0.052%", "0", "100%", "< 0.0001%"]);
  assert.deepEqual([" fox", "\n", "<end>", ""].map(shown), ["fox", "⏎", "(end)", "(end)"]);
  assert.equal(briefly({ temperature: 0.7, top_k: null, top_p: 0.9, min_p: null, order: "temperature_last" }), "T 0.7 · top p 0.9 · T last");
  assert.equal(briefly({ temperature: null, top_k: null, top_p: null, min_p: null, order: "temperature_first" }), "nothing set");
});
