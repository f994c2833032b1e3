// @ts-check
// The playground: one stream per widget, any number of views of it.

/** @import {AnyModel, Initialize, Render} from "@anywidget/types" */

import { h } from "./dom.js";
import { hideTranscript, keepKeys } from "./host.js";
import { picker } from "./picker.js";
import { promptBox } from "./prompt.js";
import { rail } from "./rail.js";
import { replyCard } from "./reply.js";
import { comparison, runChips } from "./runs.js";
import { Stream } from "./stream.js";
import { clearBackdrop, follow } from "./theme.js";
import { SETTINGS, View } from "./view.js";

/** By the widget's own id: every view of one widget shares its stream, and no two widgets do. @type {Map<string, Stream>} */
const streams = new Map();

/** @type {Initialize} */
function initialize({ model, signal }) {
  const stream = streamOf(model);
  const receive = (/** @type {unknown} */ message) => stream.receive(message);
  const resume = () => stream.resume(model.get("state"));
  model.on("msg:custom", receive);
  model.on("change:state", resume);
  // A page that was reloaded, or a widget that is shown again, finds a run that may be in full flow.
  const state = model.get("state");
  if (state?.run) {
    stream.seed(state, (model.get("history") ?? []).find((/** @type {any} */ one) => one.run === state.run));
    resume();
  }
  signal?.addEventListener("abort", () => {
    model.off("msg:custom", receive);
    model.off("change:state", resume);
    streams.delete(model.get("uid"));
  });
}

/** @param {AnyModel} model */
function streamOf(model) {
  const uid = model.get("uid");
  const stream = streams.get(uid) ?? new Stream((run) => model.send({ t: "sync", run }));
  streams.set(uid, stream);
  return stream;
}

/** @type {Render} */
function render({ model, el, signal: given }) {
  const ending = new AbortController();
  given?.addEventListener("abort", () => ending.abort());
  const { signal } = ending;
  const view = new View(model, streamOf(model), signal);
  const prompt = promptBox(view);
  const root = h(
    "div",
    { class: "cnb-root", role: "group", "aria-label": "Claude playground" },
    picker(view),
    h("div", { class: "cnb-main" }, rail(view), h("div", { class: "cnb-work" }, prompt.element, replyCard(view), runChips(view))),
    comparison(view),
  );
  root.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (!view.busy) prompt.go();
    } else if (event.key === "Escape") view.stop();
  });
  keepKeys(root);
  listen(view);
  hideTranscript(model.get("uid"), signal);
  follow(root, signal);
  el.append(root);
  clearBackdrop(root);
  const narrow = root.clientWidth > 0 && root.clientWidth < 640;
  if (narrow) /** @type {HTMLDetailsElement | null} */ (root.querySelector("details.cnb-rail"))?.removeAttribute("open");
  return () => ending.abort();
}

/** Redraw for each change of the model that Python or another view made. @param {View} view */
function listen(view) {
  const { model, stream, signal } = view;
  const redraw = () => view.redraw();
  const names = ["catalogue", "presets", "history", "state", "pinned", "prompt", "variable", ...SETTINGS];
  for (const name of names) model.on(`change:${name}`, redraw);
  const noted = (/** @type {any} */ message) => {
    if (message?.t !== "refused" || typeof message.name !== "string") return;
    view.notes = { ...view.notes, [message.name]: String(message.why) };
    view.redraw();
  };
  model.on("msg:custom", noted);
  let phase = stream.phase;
  const unsubscribe = stream.subscribe(() => {
    if (stream.phase !== phase) view.redraw();
    phase = stream.phase;
  });
  signal.addEventListener("abort", () => {
    for (const name of names) model.off(`change:${name}`, redraw);
    model.off("msg:custom", noted);
    unsubscribe();
  });
}

export default { initialize, render };
