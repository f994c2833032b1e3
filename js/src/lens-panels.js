// @ts-check
// Beside and below the bars: the settings, the stages they make, what became of the word, and where it comes from.

/** @import {LensView} from "./lens-view.js" */
/** @import {Row} from "./controls.js" */

import { briefly, percent, perplexity, pipeline, readout, shown } from "./bars.js";
import { button, freshId, h, say } from "./dom.js";
import { LAST } from "./lens-view.js";
import { shape } from "./sampling.js";
import { sliderRow } from "./slider.js";

const ORDERS = {
  temperature_first: "temperature first: Hugging Face",
  temperature_last: "temperature last: llama.cpp",
};
const OFF = { off: "off", spoken: "off: changes nothing", reset: "switch off" };

/** @param {string} name @param {string} label @param {string} help @param {Partial<Row>} more @returns {Row} */
const aRow = (name, label, help, more) => ({ name, label, help, unit: "", low: 0, high: 1, step: 0.01, log: false, value: null, locked: "", beyond: null, note: "", ...more });

const ROWS = [
  aRow("temperature", "Temperature", "below 1 sharper, above 1 flatter; 0: only the likeliest", { high: 2, step: 0.05, beyond: 1 }),
  aRow("top_k", "Top k", "keep this many of the likeliest words", { low: 1, high: 100, step: 1, unit: "words" }),
  aRow("top_p", "Top p", "keep the likeliest words that share this much", { low: 0.01, high: 1, step: 0.01 }),
  aRow("min_p", "Min p", "keep words at least this share as likely as the first", { low: 0, high: 1, step: 0.01 }),
];

/** What this is, which model it shows, and a switch to the other one. @param {LensView} view */
export function headingRow(view) {
  const id = freshId("model");
  const badge = h("span", { class: "cnb-chip" });
  const choice = h("select", { id, onchange: () => view.write("use", { provider: choice.value }) });
  choice.append(...view.model.get("providers").map((/** @type {[string, string]} */ [value, text]) => h("option", { value }, text)));
  const model = h("span", { class: "cnb-model" }, h("label", { for: id }, "Model"), choice);
  view.onRedraw(() => {
    say(badge, view.model.get("badge"));
    model.hidden = choice.options.length < 2 || Boolean(view.shut);
    choice.value = view.model.get("provider");
    choice.disabled = view.busy;
  });
  return h("div", { class: "cnb-inline" }, h("span", { class: "cnb-heading" }, "Sampling lens"), badge, h("span", { class: "cnb-space" }), model);
}

/** @param {LensView} view */
export function settingsPanel(view) {
  const rows = ROWS.map((row) => ({ row, ...sliderRow(row.name, (value) => view.keep({ [row.name]: value }), OFF) }));
  const id = freshId("order");
  const order = h("select", { id, onchange: () => view.keep({ order: /** @type {any} */ (order.value) }) }, ...Object.entries(ORDERS).map(([value, text]) => h("option", { value }, text)));
  const hint = h("p", { class: "cnb-hint" });
  view.onRedraw(() => {
    list.hidden = compare.hidden = view.closed;
    say(hint, view.model.get("provider") === "local" ? "The model on this machine takes the temperature first." : "Anthropic does not say in which order Claude applies them.");
    for (const { row, draw } of rows) draw({ ...row, value: /** @type {number | null} */ (view.settings[/** @type {"top_p"} */ (row.name)]) });
    order.value = view.settings.order;
  });
  const list = h("div", { class: "cnb-rows" }, ...rows.map((one) => one.element), h("div", { class: "cnb-row" }, h("label", { for: id }, "Order"), order, hint));
  const compare = comparePanel(view);
  return h("section", { class: "cnb-side", "aria-label": "Settings" }, list, compare, readoutPanel(view));
}

/** model -> temperature -> top_k -> top_p -> min_p -> draw; a click shows the bars after that stage. @param {LensView} view */
export function pipelineRow(view) {
  const list = h("div", { class: "cnb-pipeline", role: "group", "aria-label": "Stages; press one to see the bars after it" });
  const made = Array.from({ length: LAST + 1 }, (_, at) => {
    const [name, words, open] = [h("b"), h("span"), h("span")];
    const element = h("button", { type: "button", class: "cnb-button cnb-step", onclick: () => ((view.stage = at), view.redraw()) }, name, words, open);
    return { element, name, words, open };
  });
  const [how, what, number] = [h("b"), h("span"), h("span")];
  const drawn = h("span", { class: "cnb-step cnb-drawn" }, how, what, number);
  list.append(made[0].element, ...[...made.slice(1).map((one) => one.element), drawn].map((one) => h("span", { class: "cnb-then" }, h("span", { "aria-hidden": "true" }, "→"), one)));
  view.onRedraw(() => {
    const { sampled } = view;
    list.hidden = view.closed;
    if (!sampled || view.closed) return;
    for (const [at, stage] of pipeline(sampled).entries()) {
      const one = made[at];
      const off = at > 0 && view.settings[/** @type {"top_p"} */ (stage.name)] === null;
      say(one.name, stage.name);
      one.element.toggleAttribute("data-off", off);
      say(one.words, off ? "off: changes" : view.counted(stage.words));
      say(one.open, off ? "nothing" : `${stage.effective.toFixed(1)} effective`);
      one.element.title = `${stage.bits.toFixed(2)} bits of entropy; 2 to this power is the number of effective choices (perplexity)`;
      one.element.setAttribute("aria-pressed", String(view.stage === at));
    }
    const { step } = view;
    const word = view.hidden ? "?" : shown(step.word);
    say(how, step.forced ? "forced" : "draw");
    say(what, `“${word}”`);
    say(number, step.forced ? "by you" : `u = ${step.u.toFixed(3)}`);
  });
  return list;
}

/** Freeze the settings as A, go on moving as B. @param {LensView} view */
function comparePanel(view) {
  const pin = button("Pin as A", () => ((view.pinned = view.pinned ? null : view.settings), view.redraw()));
  const said = h("p", { class: "cnb-hint" });
  view.onRedraw(() => {
    const { pinned, now, sampled } = view;
    say(pin, pinned ? "Unpin A" : "Pin as A");
    pin.setAttribute("aria-pressed", String(Boolean(pinned)));
    if (!pinned || !now || !sampled) return say(said, "Keep these settings as A, and compare what you set next.");
    const [a, b] = [pipeline(shape(now.p, pinned, now.ranked))[LAST], pipeline(sampled)[LAST]];
    const change = b.bits - a.bits;
    const left = (/** @type {typeof a} */ one) => `${one.effective.toFixed(1)} effective choices, ${view.counted(one.words)}`;
    say(said, `A (${briefly(pinned)}): ${left(a)}. B (now): ${left(b)}; ${Math.abs(change).toFixed(2)} bits ${change >= 0 ? "more" : "less"} open.`);
  });
  return h("div", { class: "cnb-row" }, h("div", {}, pin), said);
}

/** @param {LensView} view */
function readoutPanel(view) {
  const list = h("dl", { class: "cnb-readouts" });
  view.onRedraw(() => {
    const { now, sampled, step, branch } = view;
    if (!now || !sampled) return;
    const one = readout(sampled, step.token, now.ranked);
    const told = now.about.told ?? 0;
    const sum = now.ranked.reduce((total, place) => total + now.p[place], 0);
    const whole = perplexity(branch.steps.map(({ bits }) => bits));
    const word = view.hidden
      ? "hidden"
      : !view.told ? "its probability was not told"
      : view.closed ? `rank ${one.rank}, ${percent(one.p)}, ${one.bits.toFixed(2)} bits of surprise`
      : `rank ${one.rank.toLocaleString("en")}, ${percent(one.p)} → ${one.r ? percent(one.r) : "out"}, ${Number.isFinite(one.bits) ? one.bits.toFixed(2) : "∞"} bits of surprise`;
    const known = view.closed
      ? [["Told", `${told} token${told === 1 ? "" : "s"} with ${percent(Math.min(1, sum))} of the probability`]]
      : [["Left", `${one.words.toLocaleString("en")} of ${view.size?.toLocaleString("en")} ${view.noun}s, ${one.effective.toFixed(1)} effective (${one.bitsLeft.toFixed(2)} bits)`],
         ["Cut away", `${percent(one.cutMass)} of the model's probability`]];
    const rows = [
      ...known,
      [`This ${view.noun}`, word],
      ["Whole text", `${whole.mean.toFixed(2)} bits a ${view.noun}, perplexity ${whole.perplexity.toFixed(2)} (under the model alone)`],
    ];
    const said = rows.flat().join();
    if (list.dataset.said === said) return;
    list.dataset.said = said;
    list.replaceChildren(...rows.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]));
  });
  return list;
}

/** Which words the model looked at, and where it had seen them. @param {LensView} view */
export function whyPanel(view) {
  const said = h("p");
  const sources = h("div", { class: "cnb-sources" });
  let drawn = -1;
  view.onRedraw(() => {
    const { now, step } = view;
    if (!now || drawn === step.id) return;
    drawn = step.id;
    const { context = "", length = 0, places = 0, passed = 0, sources: found = [], why } = now.about;
    const words = context.trim();
    say(said, why ? why : words
      ? `The model looked ${length} ${length === 1 ? "word" : "words"} back, at “${words}”, and found that at ${places.toLocaleString("en")} ${places === 1 ? "place" : "places"} of the text it has read. It counted what follows there: those are the bars. ${percent(passed)} of them comes from shorter contexts.`
      : "It knows no context here, so it falls back on which words begin a text, and on plain frequency.");
    sources.replaceChildren(...found.map(([text, from, to]) => h("blockquote", {}, text.slice(0, from), h("mark", {}, text.slice(from, to)), text.slice(to))));
  });
  return h("details", { class: "cnb-why", open: true }, h("summary", {}, `Why these ${view.noun}s?`), said, sources);
}
