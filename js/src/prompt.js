// @ts-check
// The prompt, the variable for the reply, and the button that runs and stops.

/** @import {View} from "./view.js" */

import { button, freshId, h, say } from "./dom.js";

const SAVE_AFTER_MS = 500;

/** @param {View} view */
export function promptBox(view) {
  const [id, variableId, timesId] = [freshId("prompt"), freshId("variable"), freshId("times")];
  const { model } = view;
  let timer = 0;
  const save = () => {
    clearTimeout(timer);
    if (model.get("prompt") !== area.value) {
      model.set("prompt", area.value);
      model.save_changes();
    }
  };
  const area = h("textarea", {
    id,
    rows: "4",
    class: "cnb-prompt",
    placeholder: "Ask anything. {{name}} puts in a variable of the notebook.",
    oninput: () => {
      clearTimeout(timer);
      timer = window.setTimeout(save, SAVE_AFTER_MS);
      run.disabled = !area.value.trim() && !view.busy;
      compare.disabled = !area.value.trim();
    },
    onblur: save,
  });
  const variable = h("input", {
    id: variableId,
    class: "cnb-text cnb-variable",
    spellcheck: "false",
    autocomplete: "off",
    onchange: () => view.keep({ variable: variable.value.trim() || "reply" }),
  });
  const times = h("input", { id: timesId, type: "number", class: "cnb-number", min: "1", max: "20", value: "1" });
  const go = () => {
    save();
    if (area.value.trim()) view.start(Math.min(20, Math.max(1, Math.round(Number(times.value)) || 1)));
  };
  const run = button("Run", () => (view.stream.phase === "idle" ? go() : view.stop()), { class: "cnb-run" });
  const more = button("Queue another", go, { class: "cnb-quiet" });
  const compare = button("Compare models", () => (save(), view.start(1, true)), {
    class: "cnb-quiet",
    title: "Ask the demo model, a local model and your usual one the same, and show the replies side by side",
  });
  const waiting = h("span", { class: "cnb-hint" });
  const problem = h("p", { class: "cnb-problem", role: "alert", hidden: true });

  view.onRedraw(() => {
    if (document.activeElement !== area) area.value = model.get("prompt") ?? "";
    if (document.activeElement !== variable) variable.value = model.get("variable") ?? "reply";
    const { phase } = view.stream;
    say(run, { idle: "Run", running: "Stop", stopping: "Stopping…" }[phase]);
    run.dataset.phase = phase;
    run.disabled = phase === "stopping" || (phase === "idle" && !area.value.trim());
    run.setAttribute("aria-keyshortcuts", phase === "idle" ? "Control+Enter" : "Escape");
    more.hidden = phase === "idle";
    compare.hidden = !more.hidden;
    compare.disabled = !area.value.trim();
    const { queued } = view.state;
    say(waiting, queued ? `${queued} waiting` : phase === "idle" ? "Ctrl+Enter" : "Esc stops");
    say(problem, view.notes.variable ?? view.notes.prompt ?? "");
    problem.hidden = !problem.textContent;
  });

  const element = h(
    "div",
    { class: "cnb-ask" },
    h("label", { for: id }, "Prompt"),
    area,
    problem,
    h(
      "div",
      { class: "cnb-bar" },
      h("span", { class: "cnb-pair" }, h("label", { for: variableId }, "Save as"), variable),
      h("span", { class: "cnb-pair" }, h("label", { for: timesId }, "Times"), times),
      h("span", { class: "cnb-space" }),
      waiting,
      compare,
      more,
      run,
    ),
  );
  return { element, go };
}
