// @ts-check
// What all parts of a view share: the settings as traits, the notes beside them, and a way to run a prompt.

/** @import {AnyModel} from "@anywidget/types" */
/** @import {Catalogue, Notes, Settings} from "./controls.js" */
/** @import {Stream} from "./stream.js" */

import { DIALS, withReasons } from "./controls.js";

/**
 * @typedef {{run: number, prompt: string, system: string | null, provider: string, model: string, label: string,
 *   params: Record<string, any>, variable: string, text: string, html: string, sure?: string, thinking: string, stop: string, footer: string,
 *   error: string | null, blamed: string | null, repeat: number, cut: boolean}} Run  one finished run, as Python keeps it
 * @typedef {{run: number, live: boolean, queued: number}} State
 */

export const SETTINGS = ["provider", "model", "system", ...DIALS];

export class View {
  /** @type {Notes} */
  notes = {};
  /** The catalogue as it was sent, and as it is read. @type {Catalogue | null} */
  sent = null;
  /** @type {Catalogue | null} */
  whole = null;
  /** The run on show; null for the newest. @type {number | null} */
  shown = null;
  /** @type {Set<() => void>} */
  redraws = new Set();

  /** @param {AnyModel} model @param {Stream} stream @param {AbortSignal} signal */
  constructor(model, stream, signal) {
    this.model = model;
    this.stream = stream;
    this.signal = signal;
  }

  /** @returns {Catalogue} */
  get catalogue() {
    const sent = this.model.get("catalogue");
    if (!this.whole || sent !== this.sent) [this.sent, this.whole] = [sent, withReasons(sent)];
    return /** @type {Catalogue} */ (this.whole);
  }

  /** @returns {Run[]} */
  get history() {
    return this.model.get("history") ?? [];
  }

  /** @returns {State} */
  get state() {
    return this.model.get("state") ?? { run: 0, live: false, queued: 0 };
  }

  /** @returns {number[]} */
  get pinned() {
    return this.model.get("pinned") ?? [];
  }

  /** @returns {Settings} */
  get settings() {
    const pairs = SETTINGS.map((name) => [name, this.model.get(name) ?? null]);
    return /** @type {Settings} */ (Object.fromEntries(pairs));
  }

  get busy() {
    return this.stream.phase !== "idle";
  }

  /** The finished run on show; null while the newest is running, or before the first. */
  get run() {
    const wanted = this.shown ?? this.stream.run;
    return this.history.find((one) => one.run === wanted) ?? (this.busy || this.shown ? null : (this.history.at(-1) ?? null));
  }

  /**
   * Save new settings, with notes about what else they changed.
   *
   * @param {Record<string, any>} settings
   * @param {Notes} [notes]
   */
  keep(settings, notes = {}) {
    for (const [name, value] of Object.entries(settings)) {
      if (JSON.stringify(this.model.get(name)) !== JSON.stringify(value)) this.model.set(name, value);
    }
    this.notes = notes;
    this.model.save_changes();
    this.redraw();
  }

  /** @param {number} [times] @param {boolean} [compare] ask several models, and pin their replies */
  start(times = 1, compare = false) {
    const settings = { ...this.settings, prompt: this.model.get("prompt"), variable: this.model.get("variable") };
    this.shown = null;
    // The message carries the settings, because changes of traits may still be on their way.
    this.model.send(compare ? { t: "run", settings, compare } : { t: "run", settings, n: times });
    this.redraw();
  }

  stop() {
    if (this.stream.phase !== "running") return;
    this.model.send({ t: "stop", run: this.stream.run });
    this.stream.stop();
  }

  /** @param {() => void} part */
  onRedraw(part) {
    this.redraws.add(part);
    part();
  }

  redraw() {
    for (const part of this.redraws) part();
  }
}
