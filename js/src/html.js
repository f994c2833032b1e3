// @ts-check
// The only place where HTML becomes elements.
//
// It comes from claude_nb.render over the widget's own channel, or from the state that a notebook saved. That state
// holds the widget's script as well, so front ends show it in trusted notebooks only. claude_nb.render writes each tag
// and attribute itself: text of a model only ever becomes text, the address of a checked link, or the number of a list.
// So do not call this with anything else, and do not add tags to the HTML here.

/** What each slot shows. @type {WeakMap<Element, string>} */
const shown = new WeakMap();

/**
 * Show pages of HTML below each other. Only those that changed are drawn again.
 *
 * @param {HTMLElement} root
 * @param {string[]} pages
 */
export function showHtml(root, pages) {
  while (root.childElementCount > pages.length) root.lastElementChild?.remove();
  for (const [at, html] of pages.entries()) {
    const slot = root.children[at] ?? root.appendChild(root.ownerDocument.createElement("div"));
    if (shown.get(slot) === html) continue;
    shown.set(slot, html);
    slot.innerHTML = html;
    // A wide block scrolls, so the keyboard must reach it.
    for (const wide of slot.querySelectorAll("pre, table")) wide.setAttribute("tabindex", "0");
  }
}
