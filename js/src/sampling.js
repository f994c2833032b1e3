// @ts-check
/**
 * From probabilities to one drawn token: temperature, top_k, top_p, min_p, draw. claude_nb/demo/sampling.py does the same,
 * and both pass tests/sampling_cases.json.
 *
 * @typedef {"temperature_first" | "temperature_last"} Order  Hugging Face's order, or llama.cpp's default
 * @typedef {{temperature?: number | null, top_k?: number | null, top_p?: number | null, min_p?: number | null, order?: Order}} Settings
 * @typedef {"top_k" | "top_p" | "min_p" | null} CutBy  what removed a token; null: nothing did
 * @typedef {{name: string, p: ArrayLike<number>}} Stage
 * @typedef {{stages: Stage[], final: ArrayLike<number>, cut: CutBy[]}} Sampled
 */

/** Draws compare integers of this size, so that rounding on another machine does not change a word. */
const UNITS = 1e12;
/** Eight times .1 adds up to just below .8, so a sum this near to top_p counts as having reached it. */
const NEAR = 1e-9;

/**
 * Apply the settings to the model's probabilities; null or absent leaves a setting off.
 * Temperature 0 takes the most likely token (the first of equals) and leaves nothing to cut.
 * shape([0.5, 0.3, 0.2], { top_p: 0.8 }).final is [0.625, 0.375, 0].
 * @param {ArrayLike<number>} p
 * @param {Settings} [settings]
 * @param {number[] | null} [likeliest]  ranked(p), if it is known already
 * @returns {Sampled}
 */
export function shape(p, { temperature = null, top_k = null, top_p = null, min_p = null, order = "temperature_first" } = {}, likeliest = null) {
  const model = Float64Array.from(p);
  /** @type {CutBy[]} */
  const cut = new Array(model.length).fill(null);
  const cuts = ["top_k", "top_p", "min_p"];
  const names = order === "temperature_first" ? ["temperature", ...cuts] : [...cuts, "temperature"];
  if (temperature === 0) {
    const top = withTemperature(model, 0);
    const rest = names.map((name) => ({ name, p: top }));
    return { stages: [{ name: "model", p: model }, ...rest], final: top, cut };
  }
  /** @type {Stage[]} */
  const stages = [{ name: "model", p: model }];
  /** @type {Float64Array} */
  let now = model;
  let kept = likeliest ?? ranked(model);
  for (const name of names) {
    if (name === "temperature" && temperature !== null) {
      now = withTemperature(now, temperature);
    } else if (name === "top_k" && top_k !== null && top_k < model.length) {
      [now, kept] = keep(now, kept, top_k, cut, "top_k");
    } else if (name === "top_p" && top_p !== null && top_p < 1) {
      [now, kept] = keep(now, kept, prefix(now, kept, top_p), cut, "top_p");
    } else if (name === "min_p" && min_p) {
      [now, kept] = keep(now, kept, likely(now, kept, min_p), cut, "min_p");
    }
    stages.push({ name, p: now });
  }
  return { stages, final: now, cut };
}

/**
 * p_i^(1/T), scaled to sum 1. Below 1 sharper, above 1 flatter, 0: all on the most likely token.
 * @param {ArrayLike<number>} p
 * @param {number} temperature
 * @returns {Float64Array<ArrayBuffer>}
 */
export function withTemperature(p, temperature) {
  const values = Float64Array.from(p);
  const most = values.reduce((a, b) => Math.max(a, b));
  const power = 1 / temperature;
  if (power === Infinity) {
    const first = values.indexOf(most);
    return values.map((_, i) => (i === first ? 1 : 0));
  }
  if (power === 1) return values;
  // Divided by the largest first: the largest power is then 1, so no T overflows, and none leaves only zeros.
  for (let i = 0; i < values.length; i += 1) values[i] = (values[i] / most) ** power;
  const whole = sum(values.length, (i) => values[i]);
  for (let i = 0; i < values.length; i += 1) values[i] /= whole;
  return values;
}

/**
 * The first token at which the running sum of p exceeds u (0 <= u < 1): draw([0.5, 0.5], 0.5) is 1.
 * @param {ArrayLike<number>} p
 * @param {number} u
 * @returns {number}
 */
export function draw(p, u) {
  const goal = u * UNITS;
  let total = 0;
  let last = 0;
  for (let token = 0; token < p.length; token += 1) {
    if (p[token] > 0) {
      total += Math.floor(p[token] * UNITS + 0.5);
      last = token;
      if (total > goal) return token;
    }
  }
  return last; // u is above a sum that rounding left just below 1
}

/** The entropy in bits: 0 for a certain token, 1 for a fair coin. @param {ArrayLike<number>} p */
export function entropyBits(p) {
  return Math.abs(sum(p.length, (i) => (p[i] > 0 ? p[i] * Math.log2(p[i]) : 0)));
}

/** 2^entropy: the number of equally likely tokens with the same entropy. @param {ArrayLike<number>} p */
export function effectiveChoices(p) {
  return 2 ** entropyBits(p);
}

/** The number of tokens that can still be drawn. @param {ArrayLike<number>} p */
export function survivors(p) {
  let count = 0;
  for (let i = 0; i < p.length; i += 1) if (p[i] > 0) count += 1;
  return count;
}

/** The surprisal of a token in bits: 1 for a probability of 0.5, Infinity for 0. @param {number} p */
export function surprisalBits(p) {
  return Math.abs(Math.log2(p));
}

/** Token ids, the most likely first; of equals, the lowest id first. @param {ArrayLike<number>} p */
export function ranked(p) {
  return Array.from(p, (_, id) => id).sort((a, b) => p[b] - p[a]);
}

/**
 * How many of the ranked tokens it takes to reach top_p; the one that crosses is in.
 * @param {ArrayLike<number>} p
 * @param {number[]} order
 * @param {number} topP
 */
function prefix(p, order, topP) {
  let total = 0;
  const last = order.findIndex((token) => {
    total += p[token];
    return total >= topP - NEAR;
  });
  return last < 0 ? order.length : last + 1;
}

/**
 * How many of the ranked tokens are at least min_p times as likely as the first.
 * @param {ArrayLike<number>} p
 * @param {number[]} order
 * @param {number} minP
 */
function likely(p, order, minP) {
  const least = minP * p[order[0]] * (1 - NEAR);
  const count = order.findIndex((token) => p[token] < least);
  return count < 0 ? order.length : count;
}

/**
 * Only the first count of the ranked tokens, scaled to sum 1; notes the reason beside the others.
 * @param {ArrayLike<number>} p
 * @param {number[]} order
 * @param {number} count
 * @param {CutBy[]} cut
 * @param {CutBy} reason
 * @returns {[Float64Array<ArrayBuffer>, number[]]}
 */
function keep(p, order, count, cut, reason) {
  const kept = order.slice(0, count);
  for (let i = count; i < order.length; i += 1) cut[order[i]] = reason;
  const whole = sum(kept.length, (i) => p[kept[i]]);
  const left = new Float64Array(p.length);
  for (const token of kept) left[token] = p[token] / whole;
  return [left, kept];
}

/**
 * Neumaier's sum: small terms are not lost beside large ones, as with Python's math.fsum.
 * @param {number} count
 * @param {(i: number) => number} term
 */
function sum(count, term) {
  let total = 0;
  let lost = 0;
  for (let i = 0; i < count; i += 1) {
    const value = term(i);
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
  }
  return total + lost;
}
