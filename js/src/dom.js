// @ts-check
// Elements without innerHTML, and the few gestures every part shares.

/** Set as properties; everything else is an attribute. */
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "indeterminate", "open", "readOnly"]);

/**
 * h("button", {class: "cnb-run", onclick: run}, "Run"). Children that are false or null are left out.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, any>} [props]
 * @param {(Node | string | false | null | undefined)[]} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function h(name, props = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (PROPERTIES.has(key)) Reflect.set(element, key, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children) if (child || child === "") element.append(child);
  return element;
}

/** A button that says what it does; a class given is added to its own. @param {string} text @param {() => void} onclick @param {Record<string, any>} [props] */
export function button(text, onclick, { class: more = "", ...props } = {}) {
  return h("button", { type: "button", class: `cnb-button ${more}`.trim(), onclick, ...props }, text);
}

/** An id that no other element of the page has. @param {string} name */
export const freshId = (name) => `cnb-${name}-${Math.random().toString(36).slice(2, 10)}`;

/** Sets the text only when it differs, so that a screen reader is not woken for nothing. @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Copies; true when it worked (a page without https may not). @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** A copy button that says for a moment that it did. @param {string} label @param {() => string} text */
export function copyButton(label, text) {
  const self = button(label, async () => {
    say(self, (await copy(text())) ? "Copied" : "Copying is not allowed here");
    setTimeout(() => say(self, label), 1500);
  });
  return self;
}
