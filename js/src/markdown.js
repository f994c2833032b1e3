// @ts-check
// Markdown of a running reply -> DOM, built node by node: no text of a model is ever read as HTML.
//
// What is finished stays as it is; only the last block is read again when text arrives. While that block is an open
// code fence its new lines are appended, so the cost of a piece does not grow with the length of the reply.

import { Lexer } from "marked";
import { appendText, block } from "./blocks.js";
import { closesFence, openFence } from "./text.js";

/** @import {Token} from "marked" */
/** @typedef {{mark: string, size: number, indent: number, code: HTMLElement, language: string, line: string}} Fence */

export class MarkdownView {
  text = "";
  /** Characters of the text whose nodes are final. */
  settled = 0;
  /** The nodes of the block that may still change. @type {ChildNode[]} */
  loose = [];
  /** The code fence that the text ends in. @type {Fence | null} */
  fence = null;
  /** Link definitions met so far. @type {Record<string, any>} */
  links = Object.create(null);
  /** True once a link was defined after text that may have used it was drawn. */
  late = false;
  done = false;

  /** @param {HTMLElement} root  where the reply is drawn; its old content goes */
  constructor(root) {
    this.root = root;
    this.doc = root.ownerDocument;
    root.replaceChildren();
  }

  clear() {
    this.root.replaceChildren();
    Object.assign(this, { text: "", settled: 0, loose: [], fence: null, links: Object.create(null) });
    Object.assign(this, { late: false, done: false });
  }

  /** Draw the reply as it now stands; text that only grew costs what grew. @param {string} text */
  show(text) {
    const now = text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
    if (this.done || !now.startsWith(this.text)) this.clear();
    const more = now.slice(this.text.length);
    this.text = now;
    if (!more) return;
    if (this.fence) this.intoFence(this.fence, more);
    else this.readTail(false);
  }

  /** The reply is complete: what was open is closed, the last code block gets its colours. */
  finish() {
    if (this.done) return;
    this.fence = null;
    this.readTail(true);
    if (this.late) {
      // A link may be used before it is defined; only a second reading of the whole can know.
      const { text, links } = this;
      this.clear();
      Object.assign(this, { text, links });
      this.readTail(true);
    }
    this.done = true;
  }

  /** @param {boolean} last  true: nothing follows */
  readTail(last) {
    const lexer = new Lexer({ gfm: true });
    const known = Object.keys(this.links).length;
    Object.assign(lexer.tokens.links, this.links);
    const tokens = lexer.lex(this.text.slice(this.settled));
    Object.assign(this.links, lexer.tokens.links);
    if (this.settled > 0 && Object.keys(this.links).length > known) this.late = true;
    for (const node of this.loose) node.remove();
    this.loose = [];
    const open = last ? tokens.length : firstOpen(tokens);
    for (const [index, token] of tokens.entries()) {
      const nodes = block(this.doc, token, index < open);
      this.root.append(...nodes);
      if (index < open) this.settled += token.raw.length;
      else this.loose.push(...nodes);
    }
    if (open === tokens.length - 1 && tokens[open].type === "code") this.fence = this.fenceOf(tokens[open]);
  }

  /** The open fence that this block is, or null; its last line waits, it may yet be the closing one.
   * @param {Token} token  @returns {Fence | null} */
  fenceOf(token) {
    const opening = openFence(token.raw);
    const code = this.loose[0] instanceof HTMLElement ? this.loose[0].querySelector("code") : null;
    if (!opening || !code) return null;
    const body = token.raw.split("\n").slice(1);
    const line = body.pop() ?? "";
    if (body.some((one) => closesFence(opening, one))) return null;
    code.replaceChildren();
    for (const one of body) appendText(code, `${dedent(one, opening.indent)}\n`);
    return { ...opening, code, line };
  }

  /** @param {Fence} fence @param {string} more */
  intoFence(fence, more) {
    const lines = (fence.line + more).split("\n");
    fence.line = lines.pop() ?? "";
    const at = lines.findIndex((line) => closesFence(fence, line));
    const inside = at < 0 ? lines : lines.slice(0, at);
    if (inside.length) appendText(fence.code, `${inside.map((line) => dedent(line, fence.indent)).join("\n")}\n`);
    if (at < 0) return;
    this.fence = null;
    this.readTail(false);
  }
}

/** The whole of a finished reply. @param {HTMLElement} root @param {string} text */
export function drawMarkdown(root, text) {
  const view = new MarkdownView(root);
  view.show(text);
  view.finish();
}

/** The first block that later text may still change. @param {Token[]} tokens */
function firstOpen(tokens) {
  let open = tokens.length - 1;
  while (open > 0 && tokens[open].type === "space") open--; // a blank line may yet belong to the block before it
  if (open <= 0 || tokens[open].raw.includes("\n")) return open;
  // After a list or table, a line that has only begun may turn out to be its next item or row.
  let before = open - 1;
  while (before > 0 && tokens[before].type === "space") before--;
  return ["list", "table"].includes(tokens[before].type) ? before : open;
}

/** @param {string} line @param {number} indent */
function dedent(line, indent) {
  let cut = 0;
  while (cut < indent && line[cut] === " ") cut++;
  return line.slice(cut);
}
