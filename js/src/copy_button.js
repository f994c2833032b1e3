// @ts-check
// A button that copies a text, below that text.

import { copyButton, h } from "./dom.js";
import { renderer } from "./host.js";

const render = renderer((model) => h("div", { class: "cnb-root cnb-copy" }, copyButton("Copy", () => String(model.get("text")))));

export default { render };
