// @ts-check
// The sampling lens. Python sends the probabilities of each step once; everything a slider does happens here.

/** @import {AnyModel, Initialize, Render} from "@anywidget/types" */

import { barsPanel } from "./lens-bars.js";
import { pipelineRow, settingsPanel, whyPanel } from "./lens-panels.js";
import { textPanel } from "./lens-text.js";
import { LensView } from "./lens-view.js";
import { h } from "./dom.js";
import { hideTranscript, keepKeys } from "./host.js";
import { clearBackdrop, follow } from "./theme.js";

const TRAITS = ["branches", "branch", "step", "temperature", "top_k", "top_p", "order"];

/** @type {Initialize} */
function initialize() {}

/** @type {Render} */
function render({ model, el, signal: given }) {
  const ending = new AbortController();
  given?.addEventListener("abort", () => ending.abort());
  const { signal } = ending;
  const view = new LensView(model, signal);
  const heading = h("div", { class: "cnb-inline" }, h("span", { class: "cnb-heading" }, "Sampling lens"), h("span", { class: "cnb-chip" }, model.get("badge")));
  const text = textPanel(view);
  const main = h("div", { class: "cnb-main" }, settingsPanel(view), h("div", { class: "cnb-work" }, pipelineRow(view), barsPanel(view), whyPanel(view)));
  const root = h("div", { class: "cnb-root cnb-lens", role: "group", "aria-label": "Sampling lens" }, heading, text, main);
  keepKeys(root);
  listen(view, () => hideTranscript(model.get("uid"), signal));
  follow(root, signal);
  el.append(root);
  clearBackdrop(root);
  view.ask();
  view.drawNow();
  return () => ending.abort();
}

/** @param {LensView} view @param {() => void} onKernel  called once the kernel has answered */
function listen(view, onKernel) {
  const { model, signal } = view;
  const redraw = () => view.redraw();
  const ask = () => view.ask();
  let heard = false;
  const receive = (/** @type {unknown} */ message, /** @type {DataView[]} */ buffers) => {
    view.receive(message, buffers);
    if (!heard && view.known.size) onKernel();
    heard = heard || view.known.size > 0;
  };
  for (const name of TRAITS) model.on(`change:${name}`, redraw);
  model.on("change:branches", ask);
  model.on("change:branch", ask);
  model.on("msg:custom", receive);
  signal.addEventListener("abort", () => {
    for (const name of TRAITS) model.off(`change:${name}`, redraw);
    model.off("change:branches", ask);
    model.off("change:branch", ask);
    model.off("msg:custom", receive);
  });
}

export default { initialize, render };
