// @ts-check
// What a widget does beyond its own box. Only JupyterLab and Notebook 7 let it add a cell.

/** @import {AnyModel, Render} from "@anywidget/types" */

import { h } from "./dom.js";
import { clearBackdrop, followTheme } from "./theme.js";

/**
 * The render function of a widget. *build* makes the root element of a view, which lasts until the signal.
 *
 * @param {(model: AnyModel, signal: AbortSignal) => HTMLElement} build
 * @returns {Render}
 */
export const renderer = (build) => ({ model, el, signal: given }) => {
  const ending = new AbortController();
  given?.addEventListener("abort", () => ending.abort());
  const root = build(model, ending.signal);
  keepKeys(root);
  followTheme(root, ending.signal);
  el.append(root);
  clearBackdrop(root);
  return () => ending.abort();
};

/**
 * Listen to events of the model until the signal.
 *
 * @param {AnyModel} model
 * @param {AbortSignal | undefined} signal
 * @param {Record<string, (...args: any[]) => void>} listeners  event -> listener
 */
export function listen(model, signal, listeners) {
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  signal?.addEventListener("abort", () => {
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
  });
}

/** The same listener for changes of several traits. @param {string[]} names @param {() => void} listener */
export const changesOf = (names, listener) => Object.fromEntries(names.map((name) => [`change:${name}`, listener]));

/** Keep keys typed in a widget from the notebook's shortcuts. @param {HTMLElement} root */
function keepKeys(root) {
  root.addEventListener("keydown", (event) => event.stopPropagation());
  root.addEventListener("focusin", ({ target }) => {
    // JupyterLab listens before the page does; this attribute, on the focused element itself, keeps it out.
    if (target instanceof HTMLElement) target.dataset.lmSuppressShortcuts = "true";
  });
}

/**
 * Hide the static output, for notebooks without a kernel, while the widget shows the same.
 *
 * @param {string} kind  of output: "transcript", "sweep"
 * @param {string} uid
 * @param {AbortSignal} signal
 */
export function hideStatic(kind, uid, signal) {
  if (!/^[a-z0-9]+$/.test(uid)) return;
  const name = `.cnb-${kind}-${uid}`;
  const style = h("style", {}, `${name}, .jp-OutputArea-child:has(${name}) { display: none !important; }`);
  document.head.append(style);
  signal.addEventListener("abort", () => style.remove());
}

/** @param {Element} inside */
function cellOf(inside) {
  return /** @type {HTMLElement | null} */ (inside.closest(".jp-Notebook-cell"));
}

/** @param {Element} inside */
const addButton = (inside) =>
  /** @type {HTMLElement | null} */ (cellOf(inside)?.querySelector('[data-jp-item-name="insert-cell-below"] :is(jp-button, button)'));

/** @param {Element} inside */
export const canInsert = (inside) => cellOf(inside) !== null;

/**
 * Put code into a new cell below the one that shows this widget. False: this front end offers no way.
 *
 * @param {Element} inside
 * @param {string} code
 */
export async function insertBelow(inside, code) {
  const cell = cellOf(inside);
  if (!cell) return false;
  cell.dispatchEvent(new MouseEvent("mousedown", { bubbles: true })); // selects it, and draws its toolbar
  cell.dispatchEvent(new MouseEvent("mouseup", { bubbles: true }));
  const add = await soon(() => addButton(inside));
  if (!add) return false;
  add.click();
  const below = await soon(() => {
    const next = cell.nextElementSibling;
    const content = next?.querySelector(".cm-content");
    return content && !content.textContent?.trim() ? /** @type {HTMLElement} */ (content) : null;
  });
  if (!below) return false;
  below.focus();
  const clipboard = new DataTransfer();
  clipboard.setData("text/plain", code);
  below.dispatchEvent(new ClipboardEvent("paste", { clipboardData: clipboard, bubbles: true, cancelable: true }));
  return true;
}

/** Return what *find* finds within a second, else null. @template T @param {() => T | null} find @returns {Promise<T | null>} */
async function soon(find) {
  for (let tries = 0; tries < 20; tries++) {
    const found = find();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return null;
}
