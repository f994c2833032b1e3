// @ts-check
// Which rows of an evaluation are shown, and in which pages. Pure, without DOM.

/**
 * @typedef {{outcome: string, text: string, end: string, grades: [name: string, verdict: string, reason: string][]}} Reply
 * @typedef {{outcome: string, value: number | null, prompt: string, cut: boolean, replies: Reply[]}} Cell
 * @typedef {"all" | "failures" | "flips"} Filter
 */

export const PAGE = 50;
const GOOD = new Set(["passed", "scored", "missing"]);

/** Whether a reply of a row did not pass. Those that are still missing do not count. @param {Cell[]} row */
export const fails = (row) => row.some((cell) => !GOOD.has(cell.outcome));

/** Whether the variants differ in a row. @param {Cell[]} row */
export const flips = (row) => new Set(row.map((cell) => cell.value).filter((value) => value !== null)).size > 1;

/** The numbers of the rows that a filter keeps. @param {Cell[][]} cells @param {Filter} filter @returns {number[]} */
export function kept(cells, filter) {
  const keep = { all: () => true, failures: fails, flips }[filter];
  return cells.map((_, i) => i).filter((i) => keep(cells[i]));
}

/** One page of rows, and how many pages there are. @param {number[]} rows @param {number} page */
export function paged(rows, page) {
  const pages = Math.max(1, Math.ceil(rows.length / PAGE));
  const at = Math.min(Math.max(0, page), pages - 1);
  return { pages, at, rows: rows.slice(at * PAGE, (at + 1) * PAGE) };
}

/** What a cell shows besides its mark: the reply, or why there is none. @param {Cell} cell */
export const preview = ({ replies: [first] }) => (first.text || first.end).replace(/\s+/g, " ").slice(0, 80);
