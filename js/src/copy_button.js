// @ts-check
// A button that copies a text, below that text.

/** @import {Render} from "@anywidget/types" */

import { copyButton, h } from "./dom.js";
import { clearBackdrop, follow } from "./theme.js";

/** @type {Render} */
function render({ model, el, signal: given }) {
  const ending = new AbortController();
  given?.addEventListener("abort", () => ending.abort());
  const root = h("div", { class: "cnb-root cnb-copy", "data-lm-suppress-shortcuts": "true" });
  root.append(copyButton("Copy", () => String(model.get("text"))));
  root.addEventListener("keydown", (event) => event.stopPropagation()); // the notebook's own shortcuts are not meant by keys typed here
  follow(root, ending.signal);
  el.append(root);
  clearBackdrop(root);
  return () => ending.abort();
}

export default { render };
