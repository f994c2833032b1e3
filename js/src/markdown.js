// @ts-check
// Markdown of a running reply -> DOM, built node by node: no text of a model is ever read as HTML.
//
// What is finished stays as it is; only the last block is read again when text arrives. While that block is an open
// code fence its new lines are appended, so the cost of a piece does not grow with the length of the reply.

import { Lexer, Tokenizer } from "marked";
import { appendText, block } from "./blocks.js";
import { closesFence, openFence, unfinished, visible } from "./text.js";

/** @import {Token} from "marked" */
/** @typedef {{mark: string, size: number, indent: number, code: HTMLElement, language: string, line: string}} Fence */

/** Link definitions stay visible text: what is shown must not depend on what comes later. */
const tokenizer = Object.assign(new Tokenizer(), { def: () => undefined });

export class MarkdownView {
  /** The text as it came, as far as it was read. */
  raw = "";
  /** The same with every character made visible. */
  text = "";
  /** Where in the text each final block ends. @type {number[]} */
  ends = [];
  /** What show() was given last. */
  whole = "";
  /** The nodes of the block that may still change. @type {ChildNode[]} */
  loose = [];
  /** The code fence that the text ends in. @type {Fence | null} */
  fence = null;
  done = false;

  /** @param {HTMLElement} root  where the reply is drawn; its old content goes */
  constructor(root) {
    this.root = root;
    this.doc = root.ownerDocument;
    root.replaceChildren();
  }

  clear() {
    this.root.replaceChildren();
    Object.assign(this, { raw: "", whole: "", text: "", ends: [], loose: [], fence: null, done: false });
  }

  /** Draw the reply as it now stands; text that only grew costs what grew. @param {string} text */
  show(text) {
    if (text === this.raw) return;
    if (this.done || !text.startsWith(this.raw)) this.clear();
    const now = text.slice(0, text.length - unfinished(text));
    this.take(now.slice(this.raw.length));
    this.raw = now;
    this.whole = text;
  }

  /** @param {string} piece */
  take(piece) {
    const more = visible(piece);
    this.text += more;
    if (!more) return;
    if (this.fence) this.intoFence(this.fence, more);
    else this.readTail();
  }

  /** The reply is complete: what was open is closed, the last code block gets its colours. */
  finish() {
    if (this.done) return;
    this.take(this.whole.slice(this.raw.length));
    this.raw = this.whole;
    const tokens = lex(this.text);
    let end = 0;
    const ends = tokens.map((token) => (end += token.raw.length));
    // Block by block it was read as the whole reads; if a strange text was not, it is drawn again.
    if (this.ends.some((at, index) => at !== ends[index])) Object.assign(this, { ends: [], loose: [...this.root.childNodes] });
    this.draw(tokens.slice(this.ends.length), Infinity);
    this.fence = null;
    this.done = true;
  }

  readTail() {
    const tokens = lex(this.text.slice(this.ends.at(-1) ?? 0));
    const open = firstOpen(tokens);
    this.draw(tokens, open);
    if (open === tokens.length - 1 && tokens[open]?.type === "code") this.fence = this.fenceOf(tokens[open]);
  }

  /** What may still change is drawn anew; blocks before *open* are final. @param {Token[]} tokens @param {number} open */
  draw(tokens, open) {
    for (const node of this.loose) node.remove();
    this.loose = [];
    for (const [index, token] of tokens.entries()) {
      const nodes = block(this.doc, token, index < open);
      this.root.append(...nodes);
      if (index < open) this.ends.push((this.ends.at(-1) ?? 0) + token.raw.length);
      else this.loose.push(...nodes);
    }
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
    this.readTail();
  }
}

/** The whole of a finished reply. @param {HTMLElement} root @param {string} text */
export function drawMarkdown(root, text) {
  const view = new MarkdownView(root);
  view.show(text);
  view.finish();
}

/** @param {string} text  @returns {Token[]} */
const lex = (text) => new Lexer({ gfm: true, breaks: true, tokenizer }).lex(text);

/** The first block that later text may still change. @param {Token[]} tokens */
function firstOpen(tokens) {
  const open = lastBlock(tokens, tokens.length - 1);
  if (open <= 0) return open;
  // A line that has only begun may turn out to go on with the block before it: "***" is a rule, "***so***" is not.
  const lines = tokens[open].raw.split("\n").length - 1;
  if (lines >= (tokens[open].type === "table" ? 2 : 1)) return open;
  const before = lastBlock(tokens, open - 1);
  const next = before === open - 1 || ["list", "table"].includes(tokens[before].type);
  return next ? before : open;
}

/** The last block at or before a place; blank lines are none, and may yet belong to it. @param {Token[]} tokens @param {number} at */
function lastBlock(tokens, at) {
  while (at > 0 && tokens[at].type === "space") at--;
  return at;
}

/** @param {string} line @param {number} indent */
function dedent(line, indent) {
  let cut = 0;
  while (cut < indent && line[cut] === " ") cut++;
  return line.slice(cut);
}
