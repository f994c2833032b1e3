// @ts-check
// What the lens shows, as numbers: bars, stages, readouts, draws. Pure.

/** @import {Sampled, CutBy} from "./sampling.js" */

import { draw, entropyBits, surprisalBits, survivors } from "./sampling.js";

/**
 * @typedef {{token: number, p: number, r: number, cut: CutBy, before: number, after: number}} Bar
 *   p: the model's own; r: at the stage on show; before, after: the running sum that top_p compares, up to this word
 * @typedef {{bars: Bar[], others: {count: number, p: number, r: number, cut: number}}} Bars
 *   others: the words without a bar, taken together; cut: how many of them are out
 * @typedef {{low: number, high: number}} Interval
 */

export const TOP = 15;
const LEAST = 1e-6; // the left end of the logarithmic scale
const Z95 = 1.959963984540054; // of a normal distribution, 95 % lie within so many standard deviations

/**
 * The likeliest words with their bars, and all others in one. A word that must be seen (the one that was drawn) gets
 * a bar of its own even when it is not among them.
 *
 * @param {Sampled} sampled
 * @param {number} stage  an index of its stages
 * @param {number[]} ranked  token ids, the likeliest first
 * @param {number | undefined} drawn
 * @param {number} [top]  how many get a bar
 * @returns {Bars}
 */
export function bars(sampled, stage, ranked, drawn, top = TOP) {
  const p = sampled.stages[0].p;
  const now = sampled.stages[stage].p;
  const summed = sampled.stages[Math.max(0, sampled.stages.findIndex(({ name }) => name === "top_p") - 1)].p;
  const tokens = ranked.slice(0, top);
  if (drawn !== undefined && !tokens.includes(drawn)) tokens.push(drawn);
  let sum = 0;
  const rows = tokens.map((token, at) => {
    const before = at < top ? sum : 1;
    if (at < top) sum += summed[token];
    return { token, p: p[token], r: now[token], cut: sampled.cut[token], before, after: Math.min(1, at < top ? sum : 1) };
  });
  const rest = (/** @type {"p" | "r"} */ name) => Math.max(0, 1 - rows.reduce((total, row) => total + row[name], 0));
  const out = sampled.cut.reduce((count, by) => count + (by ? 1 : 0), 0) - rows.filter((row) => row.cut).length;
  return { bars: rows, others: { count: p.length - rows.length, p: rest("p"), r: rest("r"), cut: out } };
}

/** How long a bar is, 0 to 1. @param {number} x @param {number} most  the longest of the linear scale @param {boolean} log */
export function length(x, most, log) {
  if (!log) return most > 0 ? Math.min(1, x / most) : 0;
  return x > LEAST ? 1 - Math.log10(x) / Math.log10(LEAST) : 0;
}

/** @typedef {{name: string, words: number, effective: number, bits: number}} Measures */
/** Several parts show them, and a slider has one frame for all. @type {WeakMap<Sampled, Measures[]>} */
const measured = new WeakMap();

/** What each stage leaves. @param {Sampled} sampled @returns {Measures[]} */
export function pipeline(sampled) {
  const known = measured.get(sampled);
  if (known) return known;
  /** @type {Measures[]} */
  const all = [];
  for (const [at, { name, p }] of sampled.stages.entries()) {
    const before = at ? sampled.stages[at - 1] : null;
    if (before?.p === p) all.push({ ...all[at - 1], name });
    else {
      const bits = entropyBits(p);
      all.push({ name, words: survivors(p), effective: 2 ** bits, bits });
    }
  }
  measured.set(sampled, all);
  return all;
}

/** What became of the drawn word. @param {Sampled} sampled @param {number} token @param {number[]} ranked */
export function readout(sampled, token, ranked) {
  const p = sampled.stages[0].p;
  const left = pipeline(sampled)[sampled.stages.length - 1];
  return {
    rank: ranked.indexOf(token) + 1,
    p: p[token],
    r: sampled.final[token],
    bits: surprisalBits(p[token]),
    cutMass: Math.max(0, sampled.cut.reduce((total, by, id) => total + (by ? p[id] : 0), 0)),
    bitsLeft: left.bits,
    effective: left.effective,
    words: left.words,
  };
}

/** Of a whole text, under the model alone. @param {(number | null)[]} bits  the surprisal of each word; null: not known */
export function perplexity(bits) {
  const known = bits.filter((one) => one !== null);
  const mean = known.reduce((total, one) => total + one, 0) / (known.length || 1);
  return { mean, perplexity: 2 ** mean };
}

/**
 * Draw n times: token -> how often.
 *
 * @param {ArrayLike<number>} r
 * @param {number} n
 * @param {() => number} random
 * @param {Map<number, number>} [counts]  earlier draws, which these are added to
 */
export function drawMany(r, n, random, counts = new Map()) {
  const all = new Map(counts);
  let last = { token: 0, u: 0 };
  for (let i = 0; i < n; i += 1) {
    const u = random();
    last = { token: draw(r, u), u };
    all.set(last.token, (all.get(last.token) ?? 0) + 1);
  }
  return { counts: all, last };
}

/** The 95 % interval of a share (Wilson 1927): wilson(3, 3).low is 0.44. @param {number} k @param {number} n @returns {Interval} */
export function wilson(k, n) {
  if (!n) return { low: 0, high: 1 };
  const share = k / n;
  const middle = (share + Z95 ** 2 / (2 * n)) / (1 + Z95 ** 2 / n);
  const half = (Z95 / (1 + Z95 ** 2 / n)) * Math.sqrt((share * (1 - share)) / n + Z95 ** 2 / (4 * n ** 2));
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** percent(0.398) -> "39.8%", percent(0.00052) -> "0.052%", percent(0) -> "0". @param {number} x */
export function percent(x) {
  if (x === 0) return "0";
  if (x >= 0.9995) return "100%";
  return x >= 0.001 ? `${(100 * x).toFixed(1)}%` : x >= 1e-6 ? `${Number((100 * x).toPrecision(2))}%` : "< 0.0001%";
}

/** A word as people can see it: shown("\n") -> "⏎"; the end of the text -> "(end)". @param {string} word */
export function shown(word) {
  if (word === "" || word === "<end>") return "(end)";
  return (word.match(/[^ ]+(?: +[^ ]+)*/)?.[0] ?? "").replaceAll("\n", "⏎") || "␣";
}

/** @typedef {{temperature: number | null, top_k: number | null, top_p: number | null, min_p: number | null, order: "temperature_first" | "temperature_last"}} LensSettings */

/** brief({temperature: 0.7, top_p: 0.9, ...}) -> "T 0.7 · top p 0.9". @param {LensSettings} settings */
export function briefly({ temperature, top_k, top_p, min_p, order }) {
  const parts = [temperature !== null && `T ${temperature}`, top_k !== null && `top k ${top_k}`, top_p !== null && `top p ${top_p}`, min_p !== null && `min p ${min_p}`];
  const set = parts.filter((part) => part !== false).join(" · ") || "nothing set";
  return order === "temperature_last" ? `${set} · T last` : set;
}
