// @ts-check
// What a widget does beyond its own box. Only JupyterLab and Notebook 7 let it add a cell.

import { h } from "./dom.js";

/** Keys typed in a widget are not meant for the notebook's own shortcuts. @param {HTMLElement} root */
export function keepKeys(root) {
  root.addEventListener("keydown", (event) => event.stopPropagation());
  root.addEventListener("focusin", ({ target }) => {
    // JupyterLab listens before the page does; this attribute, on the focused element itself, keeps it out.
    if (target instanceof HTMLElement) target.dataset.lmSuppressShortcuts = "true";
  });
}

/**
 * The static output is for notebooks without a kernel; while the widget lives it would say everything twice.
 *
 * @param {string} uid
 * @param {AbortSignal} signal
 */
export function hideTranscript(uid, signal) {
  if (!/^[a-z0-9]+$/.test(uid)) return;
  const name = `.cnb-transcript-${uid}`;
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
 * A new cell below the one that shows this widget, with the code in it. False: this front end gave no way.
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

/** What *find* finds within a second, else null. @template T @param {() => T | null} find @returns {Promise<T | null>} */
async function soon(find) {
  for (let tries = 0; tries < 20; tries++) {
    const found = find();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return null;
}
