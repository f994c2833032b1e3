// @ts-check
// The runs so far as chips, and up to four of them side by side with their differences.

/** @import {Run, View} from "./view.js" */

import { brief } from "./controls.js";
import { diff } from "./diff.js";
import { button, h } from "./dom.js";
import { showHtml } from "./html.js";

/** A longer list of settings is cut on a chip. */
const CHIP_CHARS = 48;

/** @param {View} view */
export function runChips(view) {
  const list = h("ul", { class: "cnb-runs" });
  const element = h("nav", { "aria-label": "Runs" }, h("span", { class: "cnb-heading" }, "Runs"), list);
  let drawn = "";
  view.onRedraw(() => {
    const { history, pinned } = view;
    const now = JSON.stringify([history.map((run) => run.run), pinned, view.run?.run]);
    if (now === drawn) return;
    drawn = now;
    element.hidden = !history.length;
    const focused = /** @type {HTMLElement | null} */ (list.contains(document.activeElement) ? document.activeElement : null)?.dataset.key;
    list.replaceChildren(...history.map((run) => h("li", {}, ...chip(view, run))).reverse());
    /** @type {HTMLElement | null} */ (focused ? list.querySelector(`[data-key="${focused}"]`) : null)?.focus();
  });
  return element;
}

/** @param {View} view @param {Run} run */
function chip(view, run) {
  const what = described(run);
  const isPinned = view.pinned.includes(run.run);
  const show = button("", () => ((view.shown = run.run), view.redraw()), {
    class: "cnb-pill",
    "aria-pressed": String(view.run?.run === run.run),
    "data-key": `show-${run.run}`,
    title: run.prompt.slice(0, 200),
  });
  const short = what.length > CHIP_CHARS ? `${what.slice(0, CHIP_CHARS)}…` : what;
  show.append(h("b", {}, `#${run.run}`), ` ${short}`, run.error ? h("span", { class: "cnb-bad" }, " failed") : "");
  const pin = button(isPinned ? "●" : "○", () => togglePin(view, run.run), {
    class: "cnb-icon",
    "aria-pressed": String(isPinned),
    "aria-label": `Pin run ${run.run} to compare`,
    "data-key": `pin-${run.run}`,
    title: isPinned ? "Unpin" : "Pin to compare",
  });
  return [show, pin];
}

/** @param {Run} run */
function described(run) {
  const set = Object.entries(run.params).map(([name, value]) => brief(name, value));
  return [run.model.split("/").at(-1) ?? "", ...(set.length ? set : ["defaults"]), run.repeat ? `again ${run.repeat}` : ""].filter(Boolean).join(" · ");
}

/** Pin a run, or unpin it. Of five pinned runs, the oldest goes. @param {View} view @param {number} run */
export function togglePin(view, run) {
  const { pinned } = view;
  view.keep({ pinned: pinned.includes(run) ? pinned.filter((number) => number !== run) : [...pinned, run].slice(-4) });
}

/** @param {View} view */
export function comparison(view) {
  const words = h("input", { type: "checkbox", onchange: () => draw(true) });
  const columns = h("div", { class: "cnb-columns" });
  const label = h("label", { class: "cnb-pair" }, words, "Mark what differs, word by word");
  const element = h("section", { class: "cnb-compare", "aria-label": "Comparison", hidden: true }, h("div", { class: "cnb-inline" }, h("span", { class: "cnb-heading" }, "Compare"), label), columns);
  let drawn = "";

  /** @param {boolean} force */
  function draw(force) {
    const runs = view.pinned.flatMap((id) => view.history.find((run) => run.run === id) ?? []);
    element.hidden = runs.length === 0;
    const now = JSON.stringify(runs.map((run) => run.run));
    if (now === drawn && !force) return;
    drawn = now;
    label.hidden = runs.length < 2;
    columns.style.setProperty("--cnb-columns", String(Math.max(1, runs.length)));
    columns.replaceChildren(...runs.map((run, index) => column(view, run, runs, words.checked && index > 0)));
  }
  view.onRedraw(() => draw(false));
  return element;
}

/** @param {View} view @param {Run} run @param {Run[]} runs @param {boolean} marked */
function column(view, run, runs, marked) {
  const facts = h("dl", { class: "cnb-settings" });
  for (const [name, value] of settingsOf(run, runs)) {
    const differs = runs.some((other) => shown(other, name) !== value);
    facts.append(h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, differs ? h("mark", { title: "differs" }, value) : value));
  }
  const body = h("div", { class: "cnb-md jp-RenderedHTMLCommon" });
  if (marked) {
    for (const { kind, text } of diff(runs[0].text, run.text)) body.append(kind === "same" ? text : h(kind === "added" ? "ins" : "del", {}, text));
    body.classList.add("cnb-diff");
  } else showHtml(body, [run.html]);
  if (run.error) body.append(h("p", { class: "cnb-problem" }, run.error));
  const unpin = button("×", () => togglePin(view, run.run), { class: "cnb-icon", "aria-label": `Unpin run ${run.run}` });
  const head = h("div", { class: "cnb-inline" }, h("b", {}, `#${run.run}`), ` ${run.label}`, h("span", { class: "cnb-space" }), unpin);
  const sure = h("div", { class: "jp-RenderedHTMLCommon" });
  showHtml(sure, run.sure ? [run.sure] : []);
  return h("article", { class: "cnb-column" }, head, facts, body, sure, h("p", { class: "cnb-footer" }, run.footer));
}

/** Every setting that at least one of the runs has. @param {Run} run @param {Run[]} runs @returns {[string, string][]} */
function settingsOf(run, runs) {
  const names = new Set(["model", ...runs.flatMap((one) => Object.keys(one.params))]);
  if (runs.some((one) => one.system !== runs[0].system)) names.add("system");
  if (runs.some((one) => one.prompt !== runs[0].prompt)) names.add("prompt");
  return [...names].map((name) => [name, shown(run, name)]);
}

/** @param {Run} run @param {string} name */
function shown(run, name) {
  const value = { model: run.model, system: run.system ?? "none", prompt: run.prompt }[name] ?? run.params[name];
  if (value === undefined) return "default";
  return Array.isArray(value) ? value.join(" ") : String(value);
}
