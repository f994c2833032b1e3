// @ts-check
// The text of the lens: a tab for each branch, a chip for each word, and the ways to go on.

/** @import {LensView, Step} from "./lens-view.js" */

import { briefly, shown } from "./bars.js";
import { button, h, say } from "./dom.js";

/** A word this unexpected has the darkest chip, in bits. */
const DARKEST_BITS = 8;
/** The marks of all words take a while, so they wait until the slider rests. */
const REST_MS = 120;

/** @param {LensView} view */
export function textPanel(view) {
  const tabs = h("div", { class: "cnb-inline", role: "group", "aria-label": "Branches" });
  const strip = h("div", { class: "cnb-strip", role: "toolbar", "aria-label": "The text, word by word; arrow keys step" });
  const prompt = h("span", { class: "cnb-given" }, view.model.get("prompt"));
  const back = button("◀ Back", () => view.goTo(view.at - 1));
  const next = button("Next ▶", () => view.goTo(view.at + 1));
  const hide = button("Hide what follows", () => ((view.hidden = !view.hidden), view.redraw()));
  const redraw = button("Draw again from here", () => view.write("redraw"));
  const where = h("span", { class: "cnb-hint" });
  const problem = h("p", { class: "cnb-problem", role: "status", hidden: true });
  const rerun = button("Write it again", () => view.write("rerun"));
  const said = h("span");
  const stale = h("p", { class: "cnb-note", hidden: true }, said, rerun);
  let drawn = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let marking;
  view.signal.addEventListener("abort", () => clearTimeout(marking));

  strip.addEventListener("keydown", (event) => {
    const to = { ArrowRight: view.at + 1, ArrowLeft: view.at - 1, Home: 0, End: view.branch.steps.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    view.goTo(to);
    view.drawNow();
    /** @type {HTMLElement | null} */ (strip.querySelector('[tabindex="0"]'))?.focus();
  });

  view.onRedraw(() => {
    const { branch, at } = view;
    drawTabs(view, tabs);
    for (const one of [redraw, rerun]) [one.disabled, one.title] = [Boolean(view.shut) || view.busy, view.shut];
    const text = `${view.model.get("provider")} ${branch.number} ${branch.steps[0]?.id} ${branch.steps.length}`;
    if (text !== drawn) strip.replaceChildren(prompt, ...branch.steps.map((step, i) => chip(view, step, i)));
    drawn = text;
    for (const [i, element] of chips(strip).entries()) {
      element.setAttribute("aria-current", i === at ? "step" : "false");
      element.tabIndex = i === at ? 0 : -1;
      element.hidden = view.hidden && i > at;
      element.classList.toggle("cnb-unseen", view.hidden && i === at);
    }
    const cut = view.closed ? ", then more than the lens shows" : ", then cut at max_tokens";
    say(where, view.busy ? "the model writes…" : `${view.noun} ${at + 1} of ${branch.steps.length}${branch.ended === "max_tokens" ? cut : ""}`);
    back.disabled = at === 0;
    next.disabled = at === branch.steps.length - 1;
    hide.setAttribute("aria-pressed", String(view.hidden));
    stale.hidden = !view.stale;
    if (view.stale) say(said, `This text was made with other settings (${briefly(branch.settings)}). Words with a wavy line would be others now. `);
    problem.hidden = !view.failure;
    say(problem, view.failure);
    clearTimeout(marking);
    marking = setTimeout(() => mark(view, strip), REST_MS);
  });
  const steps = h("div", { class: "cnb-inline" }, back, next, where, h("span", { class: "cnb-space" }), hide, redraw);
  return h("section", { class: "cnb-story", "aria-label": "Text" }, tabs, strip, steps, stale, problem);
}

/** @param {Element} strip */
const chips = (strip) => /** @type {HTMLElement[]} */ ([...strip.querySelectorAll(".cnb-word")]);

/** @param {LensView} view @param {Step} step @param {number} at */
function chip(view, step, at) {
  const known = step.bits ?? (view.closed ? 0 : DARKEST_BITS);
  const element = h(
    "button",
    { type: "button", class: "cnb-word", "data-forced": (step.forced && !view.closed) || null, onclick: () => view.goTo(at) },
    shown(step.word),
  );
  const told = step.bits !== null || !view.closed;
  element.style.setProperty("--cnb-shade", `${Math.round((100 * Math.min(known, DARKEST_BITS)) / DARKEST_BITS)}%`);
  element.title = told ? `${known.toFixed(1)} bits of surprise${step.forced && !view.closed ? ", forced" : ""}` : "its probability was not told";
  element.setAttribute("aria-label", `${shown(step.word)}, ${element.title}`);
  return element;
}

/** Under each word that another would replace: what shows how far a setting reaches. @param {LensView} view @param {Element} strip */
function mark(view, strip) {
  const { steps } = view.branch;
  for (const [i, element] of chips(strip).entries()) element.toggleAttribute("data-differs", i < steps.length && view.stale && view.differs(steps[i]));
}

/** @param {LensView} view @param {HTMLElement} tabs */
function drawTabs(view, tabs) {
  const now = JSON.stringify([view.branches.map((one) => one.name), view.branch.number]);
  if (tabs.dataset.drawn === now) return;
  tabs.dataset.drawn = now;
  const focused = tabs.contains(document.activeElement);
  const made = view.branches.map((branch) => {
    const at = Math.min(branch.kept, branch.steps.length - 1);
    const tab = button(branch.number === 1 ? "Text 1" : branch.name, () => view.keep({ branch: branch.number, step: at }), { class: "cnb-pill", title: `seed ${branch.seed}, ${briefly(branch.settings)}` });
    tab.setAttribute("aria-pressed", String(branch.number === view.branch.number));
    return tab;
  });
  tabs.replaceChildren(...made);
  tabs.hidden = made.length < 2;
  if (focused) made.find((tab) => tab.getAttribute("aria-pressed") === "true")?.focus();
}
