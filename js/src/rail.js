// @ts-check
// The settings: presets, one row for each, stop sequences, system prompt.

/** @import {Row} from "./controls.js" */
/** @import {View} from "./view.js" */

import { applyPreset, brief, change, choice, CHOICES, findModel, rows, sent, useless } from "./controls.js";
import { button, freshId, h, say } from "./dom.js";
import { sliderRow } from "./slider.js";

/** @param {View} view */
export function rail(view) {
  const summary = h("span", { class: "cnb-summary" });
  const list = h("div", { class: "cnb-rows" });
  /** @type {Map<string, ReturnType<typeof settingRow>>} */
  const made = new Map();
  const element = h(
    "details",
    { class: "cnb-rail", open: true },
    h("summary", {}, h("span", { class: "cnb-heading" }, "Settings"), summary),
    presets(view),
    list,
    ...CHOICES.map((name) => choiceRow(view, name)),
    stopSequences(view),
    systemPrompt(view),
  );
  view.onRedraw(() => {
    const set = Object.entries(sent(view.settings));
    say(summary, set.map(([name, value]) => brief(name, value)).join(" · ") || "model defaults");
    const all = rows(view.catalogue, view.settings, view.notes);
    for (const row of all) {
      if (!made.has(row.name)) made.set(row.name, settingRow(view, row.name));
      made.get(row.name)?.draw(row);
    }
    if (list.childElementCount !== all.length) list.replaceChildren(...[...made.values()].map((one) => one.element));
  });
  return element;
}

/** @param {View} view @param {string} name @param {unknown} value */
function put(view, name, value) {
  const model = findModel(view.catalogue, view.settings.model);
  const { settings, notes } = change(model, view.settings, name, value);
  view.keep(settings, notes);
}

/** @param {View} view @param {string} name */
function settingRow(view, name) {
  const row = sliderRow(name, (value) => put(view, name, value));
  const problem = h("p", { class: "cnb-problem" });
  row.element.append(problem);

  /** @param {Row} next */
  function draw(next) {
    row.draw(next);
    const run = view.run;
    const blamed = run?.error && run.blamed === name && next.value !== null;
    problem.hidden = !blamed;
    if (!blamed || !run) return problem.replaceChildren();
    const again = () => (put(view, name, null), view.start());
    problem.replaceChildren(h("span", {}, run.error ?? ""), button("Turn it off and run again", again));
  }

  return { element: row.element, draw };
}

/** A setting that is one of a few words, or the default of the model. @param {View} view @param {string} name */
function choiceRow(view, name) {
  const [id, hintId] = [freshId(name), freshId("hint")];
  const select = h("select", { id, "aria-describedby": hintId, onchange: () => put(view, name, select.value || null) });
  const label = h("label", { for: id });
  const hint = h("p", { class: "cnb-hint", id: hintId });
  const element = h("div", { class: "cnb-row", "data-name": name }, h("div", { class: "cnb-row-top" }, label, select), hint);
  let drawn = "nothing yet";
  view.onRedraw(() => {
    const row = choice(view.catalogue, view.settings, name, view.notes);
    const words = ["", ...new Set([...row.words, ...(row.value === null ? [] : [String(row.value)])])];
    if (drawn !== words.join()) select.replaceChildren(...words.map((word) => h("option", { value: word }, word || "model default")));
    drawn = words.join();
    element.dataset.state = row.locked ? "locked" : row.value === null ? "off" : "on";
    select.disabled = Boolean(row.locked);
    select.value = String(row.value ?? "");
    say(label, row.label);
    say(hint, row.hint);
  });
  return element;
}

/** @param {View} view */
function presets(view) {
  const element = h("div", { class: "cnb-presets", role: "group", "aria-label": "Presets" });
  const name = h("input", { class: "cnb-text", "aria-label": "Name of the new preset", placeholder: "name", maxlength: "40" });
  const save = () => {
    if (!name.value.trim()) return name.focus();
    view.model.send({ t: "preset", name: name.value.trim(), params: sent(view.settings) });
    name.value = "";
    form.hidden = true;
  };
  const form = h("div", { class: "cnb-inline", hidden: true, onkeydown: (/** @type {KeyboardEvent} */ e) => e.key === "Enter" && save() }, name, button("Save", save));
  const open = button("Save as…", () => ((form.hidden = !form.hidden), form.hidden || name.focus()), { class: "cnb-quiet" });
  let drawn = "";
  view.onRedraw(() => {
    /** @type {Record<string, {params: Record<string, any>, own: boolean}>} */
    const all = view.model.get("presets") ?? {};
    const model = findModel(view.catalogue, view.settings.model);
    const now = JSON.stringify([all, model.id, sent(view.settings)]);
    if (now === drawn) return;
    drawn = now;
    const focused = element.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).textContent : null;
    const pills = Object.entries(all).flatMap(([title, { params, own }]) => {
      const dead = useless(model, params);
      const use = button(title, () => {
        const { settings, notes } = applyPreset(model, view.settings, params);
        view.keep(settings, notes);
      }, { class: "cnb-pill", disabled: dead, title: dead ? `${model.label} accepts none of it` : Object.entries(params).map(([k, v]) => brief(k, v)).join(", ") || "model defaults" });
      use.setAttribute("aria-pressed", String(matches(view, params)));
      const forget = own && button("×", () => view.model.send({ t: "preset", name: title, params: null }), { class: "cnb-icon", "aria-label": `Forget the preset ${title}` });
      return forget ? [use, forget] : [use];
    });
    element.replaceChildren(...pills, open);
    pills.find((pill) => pill.textContent === focused)?.focus();
  });
  return h("div", {}, element, form);
}

/** @param {View} view @param {Record<string, any>} params */
function matches(view, params) {
  const names = ["temperature", "top_p", "top_k"];
  return names.every((name) => (params[name] ?? null) === view.settings[name]) && Object.entries(params).every(([k, v]) => JSON.stringify(view.settings[k]) === JSON.stringify(v));
}

/** @param {View} view */
function stopSequences(view) {
  const id = freshId("stop");
  const chips = h("span", { class: "cnb-chips" });
  const current = () => /** @type {string[]} */ (view.settings.stop_sequences ?? []);
  /** @param {string[]} texts */
  const keep = (texts) => put(view, "stop_sequences", texts.length ? texts : null);
  const add = () => {
    const text = input.value.replaceAll("\\n", "\n");
    if (text && !current().includes(text)) keep([...current(), text]);
    input.value = "";
  };
  const input = h("input", {
    id,
    class: "cnb-text",
    placeholder: "text, then Enter",
    onchange: add,
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) add();
      if (event.key === "Backspace" && !input.value) keep(current().slice(0, -1));
    },
  });
  const hint = h("p", { class: "cnb-hint" });
  view.onRedraw(() => {
    const model = findModel(view.catalogue, view.settings.model);
    const locked = model.refuses.stop_sequences ?? "";
    input.disabled = Boolean(locked);
    say(hint, locked || view.notes.stop_sequences || "the reply ends before any of these; \\n is a line break");
    const drop = (/** @type {string} */ text) => () => keep(current().filter((one) => one !== text));
    chips.replaceChildren(...current().map((text) => {
      const shown = text.replaceAll("\n", "\\n");
      return h("span", { class: "cnb-chip" }, h("code", {}, shown), button("×", drop(text), { class: "cnb-icon", "aria-label": `Remove the stop sequence ${shown}` }));
    }));
  });
  return h("div", { class: "cnb-row", "data-name": "stop_sequences" }, h("label", { for: id }, "Stop sequences"), h("div", { class: "cnb-inline" }, chips, input), hint);
}

/** @param {View} view */
function systemPrompt(view) {
  const id = freshId("system");
  const area = h("textarea", { id, rows: "3", placeholder: "none", onchange: () => view.keep({ system: area.value || null }) });
  view.onRedraw(() => {
    if (document.activeElement !== area) area.value = view.settings.system ?? "";
  });
  return h("div", { class: "cnb-row" }, h("label", { for: id }, "System prompt"), area);
}
