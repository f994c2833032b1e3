// @ts-check
// The playground: one stream for each widget, and any number of views of it.

/** @import {AnyModel, Initialize} from "@anywidget/types" */

import { h } from "./dom.js";
import { changesOf, hideStatic, listen, renderer } from "./host.js";
import { picker } from "./picker.js";
import { promptBox } from "./prompt.js";
import { rail } from "./rail.js";
import { replyCard } from "./reply.js";
import { comparison, runChips } from "./runs.js";
import { Stream } from "./stream.js";
import { SETTINGS, View } from "./view.js";

/** By the widget's id: all views of a widget share its stream. In marimo, all widgets share this module. @type {Map<string, Stream>} */
const streams = new Map();

/** @type {Initialize} */
function initialize({ model, signal }) {
  const stream = streamOf(model);
  const resume = () => stream.resume(model.get("state"));
  listen(model, signal, { "msg:custom": (message) => stream.receive(message), "change:state": resume });
  // A page that was reloaded, or a widget that is shown again, may find a run in progress.
  const state = model.get("state");
  if (state?.run) {
    stream.seed(state, (model.get("history") ?? []).find((/** @type {any} */ one) => one.run === state.run));
    resume();
  }
  signal?.addEventListener("abort", () => streams.delete(model.get("uid")));
}

/** @param {AnyModel} model */
function streamOf(model) {
  const uid = model.get("uid");
  const stream = streams.get(uid) ?? new Stream((run) => model.send({ t: "sync", run }));
  streams.set(uid, stream);
  return stream;
}

const render = renderer((model, signal) => {
  const view = new View(model, streamOf(model), signal);
  const prompt = promptBox(view);
  const settings = rail(view);
  const root = h(
    "div",
    { class: "cnb-root", role: "group", "aria-label": "Claude playground" },
    picker(view),
    h("div", { class: "cnb-main" }, settings, h("div", { class: "cnb-work" }, prompt.element, replyCard(view), runChips(view))),
    comparison(view),
  );
  root.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (!view.busy) prompt.go();
    } else if (event.key === "Escape") view.stop();
  });
  listenTo(view);
  hideStatic("transcript", model.get("uid"), signal);
  queueMicrotask(() => {
    if (root.clientWidth > 0 && root.clientWidth < 640) settings.open = false;
  });
  return root;
});

/** Redraw for each change that Python or another view made. @param {View} view */
function listenTo(view) {
  const { model, stream, signal } = view;
  const names = ["catalogue", "presets", "history", "state", "pinned", "prompt", "variable", ...SETTINGS];
  const receive = (/** @type {any} */ message) => {
    if (message?.t !== "refused" || typeof message.name !== "string") return;
    view.notes = { ...view.notes, [message.name]: String(message.why) };
    view.redraw();
  };
  listen(model, signal, { ...changesOf(names, () => view.redraw()), "msg:custom": receive });
  let phase = stream.phase;
  const unsubscribe = stream.subscribe(() => {
    if (stream.phase !== phase) view.redraw();
    phase = stream.phase;
  });
  signal.addEventListener("abort", unsubscribe);
}

export default { initialize, render };
