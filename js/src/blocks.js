// @ts-check
// Tokens of Markdown -> nodes. Every element and attribute that a reply can have is made here; its text is only ever text.

import { colour } from "./colour.js";
import { decodeEntity, safeUrl, visible } from "./text.js";

/** @import {Token, Tokens} from "marked" */

/** One text node this long at most: a longer one is laid out again in full for each piece. */
const NODE_CHARS = 4096;

/** @param {HTMLElement} element @param {string} text */
export function appendText(element, text) {
  const last = element.lastChild;
  if (last instanceof Text && last.length + text.length < NODE_CHARS) last.appendData(text);
  else element.append(text);
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Document} doc
 * @param {Name} name
 * @param {(Node | string)[]} [children]
 * @returns {HTMLElementTagNameMap[Name]}
 */
function make(doc, name, children = []) {
  const element = doc.createElement(name);
  element.append(...children);
  return element;
}

/** @param {Document} doc @param {Token[]} tokens @param {boolean} final @returns {(HTMLElement | Text)[]} */
function blocks(doc, tokens, final) {
  return tokens.flatMap((token) => block(doc, token, final));
}

/** @param {Document} doc @param {Token} token @param {boolean} final @returns {(HTMLElement | Text)[]} */
export function block(doc, token, final) {
  switch (token.type) {
    case "space":
      return [];
    case "heading":
      return [make(doc, /** @type {"h1"} */ (`h${token.depth}`), inline(doc, token.tokens))];
    case "paragraph":
      return [make(doc, "p", inline(doc, token.tokens))];
    case "code":
      return [codeBlock(doc, /** @type {Tokens.Code} */ (token), final)];
    case "blockquote":
      return [make(doc, "blockquote", blocks(doc, token.tokens ?? [], final))];
    case "list":
      return [list(doc, /** @type {Tokens.List} */ (token), final)];
    case "table":
      return [table(doc, /** @type {Tokens.Table} */ (token))];
    case "hr":
      return [make(doc, "hr")];
    case "checkbox":
      return span(doc, token);
    case "text":
      return inline(doc, token.tokens ?? [token]);
    default:
      return [make(doc, "p", [token.raw.replace(/\n+$/, "")])]; // raw HTML is shown as it was written
  }
}

/** @param {Document} doc @param {Tokens.Code} token @param {boolean} final */
function codeBlock(doc, token, final) {
  const language = (token.lang ?? "").split(/\s/)[0];
  const code = make(doc, "code");
  if (final) {
    for (const { kind, text } of colour(token.text, language)) {
      if (!kind) appendText(code, text);
      else code.append(Object.assign(make(doc, "span", [text]), { className: `cnb-hl-${kind}` }));
    }
  } else appendText(code, token.text);
  const pre = make(doc, "pre", [code]);
  pre.tabIndex = 0; // a wide block scrolls; the keyboard must reach it
  if (language) pre.dataset.language = language;
  return pre;
}

/** @param {Document} doc @param {Tokens.List} token @param {boolean} final */
function list(doc, token, final) {
  const element = make(doc, token.ordered ? "ol" : "ul");
  if (element instanceof HTMLOListElement && typeof token.start === "number") element.start = token.start;
  for (const item of token.items) {
    element.append(make(doc, "li", blocks(doc, item.tokens, final)));
  }
  return element;
}

/** @param {Document} doc @param {Tokens.Table} token */
function table(doc, token) {
  /** @param {Tokens.TableCell[]} cells @param {"td" | "th"} name */
  const line = (cells, name) => {
    const made = cells.map((cell, column) => {
      const element = make(doc, name, inline(doc, cell.tokens));
      const align = token.align[column];
      if (align) element.style.textAlign = align;
      return element;
    });
    return make(doc, "tr", made);
  };
  const head = make(doc, "thead", [line(token.header, "th")]);
  const body = make(doc, "tbody", token.rows.map((cells) => line(cells, "td")));
  const wide = make(doc, "div", [make(doc, "table", [head, body])]);
  wide.className = "cnb-wide";
  wide.tabIndex = 0;
  return wide;
}

/** @param {Document} doc @param {Token[] | undefined} tokens @returns {(HTMLElement | Text)[]} */
function inline(doc, tokens = []) {
  return tokens.flatMap((token) => span(doc, token));
}

/** @param {Document} doc @param {Token} token @returns {(HTMLElement | Text)[]} */
function span(doc, token) {
  switch (token.type) {
    case "text":
      return token.tokens ? inline(doc, token.tokens) : [doc.createTextNode(entities(token.raw))];
    case "escape":
      // \( and \[ open mathematics far more often than they shield a bracket
      return [doc.createTextNode(/[()[\]]/.test(token.text) ? token.raw : token.text)];
    case "strong":
    case "em":
    case "del":
      return [make(doc, token.type, inline(doc, token.tokens))];
    case "codespan":
      return [make(doc, "code", [token.text])];
    case "checkbox":
      return [doc.createTextNode(token.checked ? "☑ " : "☐ ")];
    case "br":
      return [make(doc, "br")];
    case "link":
      return [link(doc, token.href, inline(doc, token.tokens), token.raw)];
    case "image":
      return [link(doc, token.href, [`image: ${entities(token.text) || token.href}`], token.raw)];
    default:
      return /^<br\s*\/?>$/i.test(token.raw) ? [make(doc, "br")] : [doc.createTextNode(token.raw)];
  }
}

/** A link that leads outside and tells nobody where from; any other address is shown, not linked.
 * @param {Document} doc @param {string} href @param {(Node | string)[]} children @param {string} raw */
function link(doc, href, children, raw) {
  const url = safeUrl(entities(href));
  if (!url) return doc.createTextNode(raw);
  const element = make(doc, "a", children);
  Object.assign(element, { href: url, rel: "noopener noreferrer nofollow", target: "_blank" });
  for (const inner of element.querySelectorAll("a")) inner.replaceWith(...inner.childNodes); // an image in a link
  return element;
}

/** @param {string} text */
function entities(text) {
  return text.replace(/&(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z][a-z\d]{1,31});/gi, (entity) => visible(decodeEntity(entity)));
}
