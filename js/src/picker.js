// @ts-check
// Provider and model. The list of models can be searched, and any other name can be typed.

/** @import {Model} from "./controls.js" */
/** @import {View} from "./view.js" */

import { facts, findModel, fit, search } from "./controls.js";
import { button, freshId, h, say } from "./dom.js";

/** @param {View} view */
export function picker(view) {
  const providerId = freshId("provider");
  const provider = h("select", { id: providerId, onchange: () => chooseProvider(view, provider.value) });
  const line = h("p", { class: "cnb-facts" });
  const tryDemo = button("Try the dials on the demo model", () => chooseProvider(view, "demo"), { class: "cnb-quiet" });
  view.onRedraw(() => {
    const { providers } = view.catalogue;
    if (provider.childElementCount !== providers.length) {
      provider.replaceChildren(...providers.map((one) => h("option", { value: one.name }, one.label)));
    }
    provider.value = view.settings.provider ?? "";
    const model = findModel(view.catalogue, view.settings.model);
    say(line, facts(model, view.settings.provider));
    tryDemo.hidden = !("temperature" in model.refuses);
  });
  return h(
    "div",
    { class: "cnb-head" },
    h("div", { class: "cnb-field" }, h("label", { for: providerId }, "Provider"), provider),
    modelBox(view),
    h("div", { class: "cnb-factline" }, line, tryDemo),
  );
}

/** @param {View} view @param {string} name */
function chooseProvider(view, name) {
  const now = findModel(view.catalogue, view.settings.model);
  const stays = !now.providers.length || now.providers.includes(name);
  const model = stays ? now : (search(view.catalogue, name, "")[0] ?? now);
  const { settings, notes } = fit(model, view.settings);
  view.keep({ ...settings, provider: name }, notes);
}

/** @param {View} view @param {Model} model */
function chooseModel(view, model) {
  const { settings, notes } = fit(model, view.settings);
  const { provider } = view.settings;
  const elsewhere = model.providers.length > 0 && !model.providers.includes(provider ?? "");
  view.keep({ ...settings, provider: elsewhere ? model.providers[0] : provider }, notes);
}

/** The combobox of the ARIA guide: typing filters, arrow keys move, Enter selects, Escape closes. @param {View} view */
function modelBox(view) {
  const [id, listId] = [freshId("model"), freshId("models")];
  const list = h("ul", { role: "listbox", id: listId, class: "cnb-list", hidden: true, "aria-label": "Models" });
  /** @type {Model[]} */
  let found = [];
  let active = -1;
  const input = h("input", {
    id,
    class: "cnb-text",
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": listId,
    autocomplete: "off",
    spellcheck: "false",
    onfocus: () => input.select(),
    onclick: () => open(""),
    oninput: () => open(input.value),
    onkeydown,
    onblur: () => close(),
  });

  /** @param {string} query */
  function open(query) {
    found = search(view.catalogue, view.settings.provider, query);
    active = query ? 0 : found.findIndex((model) => model.id === findModel(view.catalogue, view.settings.model).id);
    list.hidden = false;
    draw(query);
  }

  /** @param {string} [query] */
  function draw(query = "") {
    const options = found.map((model, index) =>
      h(
        "li",
        {
          role: "option",
          id: `${listId}-${index}`,
          "aria-selected": String(index === active),
          onpointerdown: (/** @type {Event} */ event) => (event.preventDefault(), take(model)),
        },
        h("span", { class: "cnb-option" }, model.label),
        h("small", {}, facts(model, view.settings.provider)),
      ),
    );
    if (!found.length) options.push(h("li", { class: "cnb-none" }, `Enter asks for “${query}” by that name`));
    list.replaceChildren(...options);
    input.setAttribute("aria-expanded", "true");
    const current = options[active];
    if (current?.id) input.setAttribute("aria-activedescendant", current.id);
    else input.removeAttribute("aria-activedescendant");
    if (current && found.length) list.scrollTop = current.offsetTop - list.clientHeight / 2;
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    input.value = findModel(view.catalogue, view.settings.model).label;
  }

  /** @param {Model} model */
  function take(model) {
    chooseModel(view, model);
    close();
  }

  /** @param {KeyboardEvent} event */
  function onkeydown(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      if (list.hidden) return open("");
      active = (active + step + found.length) % Math.max(1, found.length);
      event.preventDefault();
      draw(input.value);
    } else if (event.key === "Enter" && !list.hidden && !event.ctrlKey && !event.metaKey) {
      const typed = input.value.trim();
      if (found[active]) take(found[active]);
      else if (typed) take(findModel(view.catalogue, typed));
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation(); // closes the list without stopping a run
      close();
    }
  }

  view.onRedraw(() => {
    if (list.hidden) input.value = findModel(view.catalogue, view.settings.model).label;
  });
  return h("div", { class: "cnb-field cnb-combo" }, h("label", { for: id }, "Model"), input, list);
}
