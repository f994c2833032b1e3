// @ts-check
// What all parts of one lens share: the branch and step on show, its probabilities, and what the settings make of them.

/** @import {AnyModel} from "@anywidget/types" */
/** @import {Sampled} from "./sampling.js" */
/** @import {LensSettings} from "./bars.js" */

import { shown, TOP } from "./bars.js";
import { draw, ranked, shape } from "./sampling.js";
import { NAMED, unpack } from "./unpack.js";

/**
 * @typedef {{id: number, token: number, word: string, u: number, forced: boolean, bits: number | null}} Step
 * @typedef {{number: number, name: string, seed: number, settings: LensSettings, kept: number, ended: string, steps: Step[]}} Branch
 *   token: its place among the probabilities of its step; for the demo model also its number
 * @typedef {{context: string, length: number, places: number, passed: number, sources: [string, number, number][]}} Sources
 * @typedef {{context: string, words: string[], why: string, told?: number}} Told  of a model whose words are named step by step
 * @typedef {Partial<Sources & Told>} About
 * @typedef {{p: Float32Array, about: About, ranked: number[]}} Known
 */

export const SETTINGS = /** @type {const} */ (["temperature", "top_k", "top_p", "min_p", "order"]);

export const LAST = 4;

export class LensView {
  /** By the step's id. @type {Map<number, Known>} */
  known = new Map();
  /** The setting A that B, what the sliders say now, is compared with. @type {LensSettings | null} */
  pinned = null;
  /** The stage whose bars are filled: 1 to 4, or the last. */
  stage = LAST;
  log = false;
  /** Whether all words with a name have a bar. */
  all = false;
  /** Whether the kernel writes a text. */
  busy = false;
  hidden = false;
  /** @type {{counts: Map<number, number>, n: number, last: {token: number, u: number} | null}} */
  draws = { counts: new Map(), n: 0, last: null };
  failure = "";
  /** @type {Set<() => void>} */
  redraws = new Set();
  #shaped = { key: "", sampled: /** @type {Sampled | null} */ (null) };
  #planned = false;
  #places = /** @type {number[]} */ ([]);
  #drawnFor = "";

  /** @param {AnyModel} model @param {AbortSignal} signal */
  constructor(model, signal) {
    this.model = model;
    this.signal = signal;
  }

  /** The text of the word at a place of the step on show. @param {number} place */
  word(place) {
    const { words, told } = this.now?.about ?? {};
    if (!words) return shown(this.model.get("vocabulary")[place] ?? "");
    return words[place] ?? (told !== undefined ? "not told" : place === this.step.token ? this.step.word : "one of the others");
  }

  /** Number of words of the model; null if nobody told it. @returns {number | null} */
  get size() {
    return this.model.get("size");
  }

  /** "word" for the demo model, whose tokens are words. */
  get noun() {
    return this.model.get("provider") === "demo" ? "word" : "token";
  }

  /** counted(1) -> "1 word". @param {number} n */
  counted(n) {
    return `${n.toLocaleString("en")} ${this.noun}${n === 1 ? "" : "s"}`;
  }

  /** Whether this is a reply of which a part of the probabilities is known, so that no setting can be applied. */
  get closed() {
    return this.model.get("provider") === "reply";
  }

  /** Whether the probability of the word on show is known. */
  get told() {
    return !this.closed || this.step.token < (this.now?.about.told ?? 0);
  }

  /** How many words get a bar. */
  get top() {
    return this.all || this.closed ? NAMED : TOP;
  }

  /** @returns {Branch[]} */
  get branches() {
    return this.model.get("branches");
  }

  get branch() {
    const number = this.model.get("branch");
    return this.branches.find((one) => one.number === number) ?? /** @type {Branch} */ (this.branches.at(-1));
  }

  get at() {
    return Math.min(this.model.get("step"), this.branch.steps.length - 1);
  }

  get step() {
    return this.branch.steps[this.at];
  }

  /** Why no new text can be written; "" if it can. */
  get shut() {
    if (this.closed) return "only the server can go on with this reply";
    return this.model.get("live") === false ? "a saved page writes no new text" : "";
  }

  /** @returns {LensSettings} */
  get settings() {
    const pairs = SETTINGS.map((name) => [name, this.closed ? null : (this.model.get(name) ?? null)]);
    return /** @type {any} */ (Object.fromEntries(pairs));
  }

  /** True when the text was made with other settings than those on show. */
  get stale() {
    return !this.closed && !same(this.settings, this.branch.settings);
  }

  /** What is known of the step on show; null until the kernel has told. */
  get now() {
    return this.known.get(this.step.id) ?? null;
  }

  /** What the settings make of the step on show. */
  get sampled() {
    const { now } = this;
    if (!now) return null;
    const key = JSON.stringify([this.step.id, this.settings]);
    if (this.#shaped.key !== key) this.#shaped = { key, sampled: shape(now.p, this.settings, now.ranked) };
    return this.#shaped.sampled;
  }

  /** Whether another word would stand there with the settings on show and the same random number. @param {Step} step */
  differs(step) {
    const known = this.known.get(step.id);
    if (!known || step.forced) return false;
    return draw(shape(known.p, this.settings, known.ranked).final, step.u) !== step.token;
  }

  /** @param {Partial<LensSettings> & {branch?: number, step?: number}} traits */
  keep(traits) {
    for (const [name, value] of Object.entries(traits)) this.model.set(name, value);
    this.model.save_changes();
    this.redraw();
  }

  /** @param {number} at */
  goTo(at) {
    this.keep({ step: Math.max(0, Math.min(at, this.branch.steps.length - 1)) });
  }

  /** Ask Python for another text. The message carries the settings: trait changes may still be on their way.
   * @param {"force" | "redraw" | "rerun" | "use"} what @param {Record<string, number | string>} [more] */
  write(what, more = {}) {
    this.failure = "";
    this.busy = true;
    this.redraw();
    this.model.send({ t: what, branch: this.branch.number, at: this.at, settings: this.settings, ...more });
  }

  /** Ask for the probabilities of this branch that have not been told yet. */
  ask() {
    const ids = this.branch.steps.map((step) => step.id).filter((id) => !this.known.has(id));
    if (ids.length) this.model.send({ t: "arrays", ids });
  }

  /** @param {any} message @param {DataView[]} buffers */
  receive(message, buffers) {
    if (message?.t === "failed") [this.failure, this.busy] = [String(message.why), false];
    if (message?.t === "arrays") {
      for (const [i, id] of message.ids.entries()) {
        const about = message.about[i];
        const p = about.words && about.told === undefined ? unpack(buffers[i]) : floats(buffers[i]);
        this.known.set(id, { p, about, ranked: about.words ? this.#inOrder(about.told ?? p.length) : ranked(p) });
      }
    }
    this.redraw();
  }

  /** 0, 1, 2, ...: the same list for all steps of a large model. @param {number} length */
  #inOrder(length) {
    if (this.#places.length !== length) this.#places = Array.from({ length }, (_, place) => place);
    return this.#places;
  }

  /** @param {() => void} part */
  onRedraw(part) {
    this.redraws.add(part);
  }

  /** Draw everything in the next frame, once. */
  redraw() {
    if (this.#planned) return;
    this.#planned = true;
    requestAnimationFrame(() => {
      this.#planned = false;
      if (!this.signal.aborted) this.drawNow();
    });
  }

  /** The draws from the bars on show. Those from other bars go, also before the next frame. */
  currentDraws() {
    const about = JSON.stringify([this.step.id, this.settings]);
    if (about !== this.#drawnFor) this.draws = { counts: new Map(), n: 0, last: null };
    this.#drawnFor = about;
    return this.draws;
  }

  drawNow() {
    this.currentDraws();
    for (const part of this.redraws) part();
  }
}

/** @param {DataView} view */
const floats = ({ buffer, byteOffset, byteLength }) => new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));

/** @param {LensSettings} a @param {LensSettings} b */
export const same = (a, b) => SETTINGS.every((name) => (a[name] ?? null) === (b[name] ?? null));
