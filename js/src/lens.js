// @ts-check
// The sampling lens. Python sends the probabilities of each step once, and the sliders act on them here.

import { barsPanel } from "./lens-bars.js";
import { headingRow, pipelineRow, settingsPanel, whyPanel } from "./lens-panels.js";
import { textPanel } from "./lens-text.js";
import { LensView } from "./lens-view.js";
import { h } from "./dom.js";
import { changesOf, hideStatic, listen, renderer } from "./host.js";

const TRAITS = ["provider", "branches", "branch", "step", "temperature", "top_k", "top_p", "min_p", "order"];

const render = renderer((model, signal) => {
  const view = new LensView(model, signal);
  const heading = headingRow(view);
  const text = textPanel(view);
  const main = h("div", { class: "cnb-main" }, settingsPanel(view), h("div", { class: "cnb-work" }, pipelineRow(view), barsPanel(view), whyPanel(view)));
  let answered = false;
  const receive = (/** @type {unknown} */ message, /** @type {DataView[]} */ buffers) => {
    view.receive(message, buffers);
    // Only once the kernel has answered: a saved page shows the static output.
    if (!answered && view.known.size) hideStatic("transcript", model.get("uid"), signal);
    answered = view.known.size > 0;
  };
  listen(model, signal, { ...changesOf(TRAITS, () => view.redraw()), "msg:custom": receive });
  listen(model, signal, changesOf(["branches", "branch"], () => view.ask()));
  listen(model, signal, changesOf(["branches"], () => (view.busy = false)));
  view.ask();
  view.drawNow();
  return h("div", { class: "cnb-root cnb-lens", role: "group", "aria-label": "Sampling lens" }, heading, text, main);
});

export default { initialize: () => {}, render };
