// @ts-check
// What the grid shows, computed from plain data. Pure, without DOM.

/**
 * @typedef {{name: string, values: string[]}} Axis
 * @typedef {{k: number, text: string, cut: number, end: string, error: string | null, replay: boolean}} Text
 * @typedef {{at: number[], locked: string | null, wanted: number, n: number, failed: number, mix: string,
 *   values: Record<string, [value: number | null, shown: string]>, texts: Text[]}} Cell
 * @typedef {{name: string, label: string, help: string}} Metric
 * @typedef {{down: number, across: number, fixed: number[]}} Layout  the axes of rows and columns (-1: none), and the values of the others
 */

export const STRIP_WORDS = 24;
const WORD = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[\p{L}\p{N}]+(?:['’][\p{L}\p{N}]+)*|[^\p{L}\p{N}\s]/gu;

/** Split a text into words and signs in lower case. @param {string} text @returns {string[]} */
export const words = (text) => text.toLowerCase().match(WORD) ?? [];

/** The colour of a word, as in the saved page (claude_nb/sweeps/views/html.py). @param {string} word */
export function colour(word) {
  let hash = 0x811c9dc5; // FNV-1a
  for (const letter of word) hash = Math.imul(hash ^ /** @type {number} */ (letter.codePointAt(0)), 0x01000193) >>> 0;
  return `hsl(${hash % 360},${45 + (((hash / 360) | 0) % 3) * 12}%,${52 + (((hash / 1080) | 0) % 3) * 9}%)`;
}

/** One reply as a strip of coloured words; "" for one without words. @param {string} text */
export function strip(text) {
  const shown = words(text.slice(0, 1000)).slice(0, STRIP_WORDS);
  if (!shown.length) return "";
  const at = (/** @type {number} */ i) => `${((100 * i) / STRIP_WORDS).toFixed(1)}%`;
  const stops = shown.map((word, i) => `${colour(word)} ${at(i)} ${at(i + 1)}`);
  return `linear-gradient(90deg,${[...stops, `transparent ${at(shown.length)}`].join(",")})`;
}

/**
 * Rows from the first axis, columns from the second, the first value of any other, unless `kept` says otherwise.
 *
 * @param {Axis[]} axes
 * @param {Partial<Layout>} [kept]
 * @returns {Layout}
 */
export function layout(axes, kept = {}) {
  const has = (/** @type {number | undefined} */ i) => i !== undefined && i >= 0 && i < axes.length;
  const down = has(kept.down) ? /** @type {number} */ (kept.down) : 0;
  const others = axes.map((_, i) => i).filter((i) => i !== down);
  const across = has(kept.across) && kept.across !== down ? /** @type {number} */ (kept.across) : (others[0] ?? -1);
  const fixed = axes.map((axis, i) => Math.min(kept.fixed?.[i] ?? 0, axis.values.length - 1));
  return { down, across, fixed };
}

/**
 * The cells as rows and columns; null where a zipped sweep has no combination.
 *
 * @param {Axis[]} axes
 * @param {Cell[]} cells
 * @param {Layout} layout
 * @returns {(number | null)[][]} numbers of cells
 */
export function table(axes, cells, { down, across, fixed }) {
  const rows = axes[down].values.map(() => (across < 0 ? [""] : axes[across].values).map(() => /** @type {number | null} */ (null)));
  cells.forEach((cell, number) => {
    const here = cell.at.every((place, axis) => axis === down || axis === across || place === fixed[axis]);
    if (here) rows[cell.at[down]][across < 0 ? 0 : cell.at[across]] ??= number;
  });
  return rows;
}

/** The smallest and the largest value of a metric; null if no cell has one. @param {Cell[]} cells @param {string} metric */
export function span(cells, metric) {
  const known = cells.map((cell) => cell.values[metric]?.[0]).filter((value) => typeof value === "number");
  return known.length ? /** @type {[number, number]} */ ([Math.min(...known), Math.max(...known)]) : null;
}

/** How strong a cell is tinted: 0 to 1. @param {number | null | undefined} value @param {[number, number] | null} range */
export function shade(value, range) {
  if (typeof value !== "number" || !range || range[1] <= range[0]) return 0;
  return (value - range[0]) / (range[1] - range[0]);
}

/** "temperature 0.7, top_p 1". @param {Axis[]} axes @param {Cell} cell */
export const title = (axes, cell) =>
  axes.map((axis, i) => `${axis.name} ${axis.values[cell.at[i]]}`.trim()).filter(Boolean).join(", ") || "one setting";

/** Pin a cell, or unpin it. Of three pinned cells, the oldest goes. @param {number[]} pins @param {number} cell */
export const pinned = (pins, cell) => (pins.includes(cell) ? pins.filter((one) => one !== cell) : [...pins, cell].slice(-2));
