// @ts-check
// Make elements without innerHTML, and the few things that every part needs.

/** Set as properties; all others are set as attributes. */
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

/** A button with a text. Its class is added to that of all buttons. @param {string} text @param {() => void} onclick @param {Record<string, any>} [props] */
export function button(text, onclick, { class: more = "", ...props } = {}) {
  return h("button", { type: "button", class: `cnb-button ${more}`.trim(), onclick, ...props }, text);
}

/** Return an id that is unique in the page. @param {string} name */
export const freshId = (name) => `cnb-${name}-${Math.random().toString(36).slice(2, 10)}`;

/** Set a text only if it differs, so that screen readers do not read it again. @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Copy a text. Return false if the page may not, as one without https. @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** A button that copies a text, and says so for a moment. @param {string} label @param {() => string} text */
export function copyButton(label, text) {
  const self = button(label, async () => {
    say(self, (await copy(text())) ? "Copied" : "Copying is not allowed here");
    setTimeout(() => say(self, label), 1500);
  });
  return self;
}
