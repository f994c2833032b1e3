// @ts-check
// The difference between two replies, word by word. Pure.

/** @typedef {{kind: "same" | "added" | "removed", text: string}} Part */

/** With more edits than this, the texts have little in common, and the middle is shown as replaced. */
const MAX_EDITS = 600;

/** Split a text into words with the space after them, and line breaks. @param {string} text */
export function words(text) {
  return text.match(/\n|[^\s]+[^\S\n]*|[^\S\n]+/g) ?? [];
}

/**
 * diff("a red cat", "a blue cat") -> same "a ", removed "red ", added "blue ", same "cat".
 *
 * @param {string} before
 * @param {string} after
 * @returns {Part[]}
 */
export function diff(before, after) {
  const a = words(before);
  const b = words(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const middle = edits(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  /** @type {Part[]} */
  const parts = [];
  /** @param {Part["kind"]} kind @param {string} text */
  const add = (kind, text) => {
    const last = parts[parts.length - 1];
    if (last?.kind === kind) last.text += text;
    else if (text) parts.push({ kind, text });
  };
  add("same", a.slice(0, head).join(""));
  for (const [kind, text] of middle) add(kind, text);
  add("same", a.slice(a.length - tail).join(""));
  return parts;
}

/**
 * Myers' greedy shortest edit script.
 *
 * @param {string[]} a
 * @param {string[]} b
 * @returns {[Part["kind"], string][]}
 */
function edits(a, b) {
  const limit = Math.min(a.length + b.length, MAX_EDITS);
  /** @type {Map<number, number>[]} */
  const trace = [];
  let furthest = new Map([[1, 0]]);
  for (let d = 0; d <= limit; d++) {
    trace.push(new Map(furthest));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && at(furthest, k - 1) < at(furthest, k + 1));
      let x = down ? at(furthest, k + 1) : at(furthest, k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      furthest.set(k, x);
      if (x >= a.length && x - k >= b.length) return walk(trace, a, b);
    }
  }
  return [...a.map(removed), ...b.map(added)];
}

/**
 * @param {Map<number, number>[]} trace
 * @param {string[]} a
 * @param {string[]} b
 * @returns {[Part["kind"], string][]}
 */
function walk(trace, a, b) {
  /** @type {[Part["kind"], string][]} */
  const out = [];
  let [x, y] = [a.length, b.length];
  for (let d = trace.length - 1; d >= 0; d--) {
    const furthest = trace[d];
    const k = x - y;
    const down = k === -d || (k !== d && at(furthest, k - 1) < at(furthest, k + 1));
    const px = at(furthest, down ? k + 1 : k - 1);
    const py = px - (down ? k + 1 : k - 1);
    while (x > px && y > py) {
      out.push(["same", a[x - 1]]);
      x--;
      y--;
    }
    if (d > 0) out.push(down ? added(b[y - 1]) : removed(a[x - 1]));
    [x, y] = [px, py];
  }
  return out.reverse();
}

/** @param {Map<number, number>} map @param {number} k */
const at = (map, k) => map.get(k) ?? -1;
/** @param {string} text @returns {[Part["kind"], string]} */
const added = (text) => ["added", text];
/** @param {string} text @returns {[Part["kind"], string]} */
const removed = (text) => ["removed", text];
