// @ts-check
// What this front end lets a widget do beyond its own box. Only JupyterLab and Notebook 7 let it add a cell.

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
