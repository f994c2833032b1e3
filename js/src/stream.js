// @ts-check
// A run in the front end: applies the messages of Python to pages of HTML. Pure: no DOM, and the clock is a parameter.
//
// start -> d d d ... -> end.  Every d counts seq up by one. A view that missed one asks for a sync.

/**
 * @typedef {[slot: number, keep: number, more: string]} Change  the first *keep* characters of a slot stay
 * @typedef {{t: "start", run: number}
 *   | {t: "d", run: number, seq: number, n?: number, html?: Change[], k?: string}
 *   | {t: "note", run: number, s: string}
 *   | {t: "sync", run: number, seq: number, html: string[], thinking: string, live: boolean}
 *   | {t: "end", run: number, seq: number}} Message  n: characters so far, k: more of its thinking
 * @typedef {"idle" | "running" | "stopping"} Phase
 */

/** The live rate is that of the last seconds. */
const WINDOW_S = 3;
/** An estimate, and shown as one. The footer has the true count. */
const CHARS_PER_TOKEN = 4;

export class Stream {
  /**
   * @param {(run: number) => void} ask  called when a message is missing: Python answers with a sync
   * @param {() => number} [now]  seconds
   */
  constructor(ask, now = () => performance.now() / 1000) {
    this.ask = ask;
    this.now = now;
    this.run = 0;
    this.seq = 0;
    /** @type {string[]} */
    this.pages = [];
    this.thinking = "";
    this.notice = "";
    /** @type {Phase} */
    this.phase = "idle";
    /** Whether a sync was asked for and has not arrived. */
    this.waiting = false;
    this.startedAt = 0;
    /** @type {[at: number, chars: number][]} */
    this.samples = [];
    /** @type {Set<() => void>} */
    this.listeners = new Set();
  }

  /** @param {() => void} listener  @returns {() => void} unsubscribes it */
  subscribe(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Take up a run that Python may still be writing. @param {{run: number, live: boolean}} state */
  resume({ run, live }) {
    if (!run || run < this.run || (run === this.run && this.phase !== "idle")) return;
    if (run !== this.run) this.begin(run);
    this.phase = live ? "running" : "idle";
    if (live) this.want();
    this.tell();
  }

  /** Take the newest run from the widget's state. @param {{run: number}} state @param {{html: string, thinking: string} | undefined} run */
  seed(state, run) {
    if (this.run || !run) return;
    this.begin(state.run);
    Object.assign(this, { pages: [run.html], thinking: run.thinking, phase: "idle" });
  }

  /** @param {unknown} data */
  receive(data) {
    const message = /** @type {Message} */ (data);
    if (!message || typeof message !== "object" || typeof message.run !== "number") return;
    if (message.run < this.run) return; // late, of an older run
    switch (message.t) {
      case "start":
        if (message.run > this.run) this.begin(message.run);
        break;
      case "d":
        this.piece(message);
        break;
      case "note":
        if (message.run === this.run) this.notice = message.s;
        break;
      case "sync":
        this.whole(message);
        break;
      case "end":
        if (message.run > this.run) this.begin(message.run);
        this.phase = "idle";
        this.notice = "";
        if (message.seq > this.seq) this.want();
        break;
      default:
        return;
    }
    this.tell();
  }

  /** Show at once that the run stops. What is still on its way is taken. */
  stop() {
    if (this.phase !== "running") return;
    this.phase = "stopping";
    this.tell();
  }

  /** Tokens per second over the last seconds; null before enough has arrived. */
  get rate() {
    const first = this.samples[0];
    const last = this.samples[this.samples.length - 1];
    if (!first || !last || last[0] - first[0] < 0.3) return null;
    return (last[1] - first[1]) / CHARS_PER_TOKEN / (last[0] - first[0]);
  }

  /** @param {number} run */
  begin(run) {
    Object.assign(this, { run, seq: 0, pages: [], thinking: "", notice: "", phase: "running", waiting: false });
    this.samples = [];
    this.startedAt = this.now();
  }

  /** @param {{run: number, seq: number, n?: number, html?: Change[], k?: string}} message */
  piece({ run, seq, n = 0, html = [], k = "" }) {
    if (run > this.run) this.begin(run); // its start was missed, so the gap below asks for a sync
    if (seq <= this.seq || this.waiting) return;
    if (seq !== this.seq + 1) {
      this.want();
      return;
    }
    this.seq = seq;
    for (const [slot, keep, more] of html) this.pages[slot] = (this.pages[slot] ?? "").slice(0, keep) + more;
    this.thinking += k;
    this.notice = "";
    const now = this.now();
    this.samples.push([now, n]);
    while (this.samples[0][0] < now - WINDOW_S) this.samples.shift();
  }

  /** @param {{run: number, seq: number, html: string[], thinking: string, live: boolean}} message */
  whole({ run, seq, html, thinking, live }) {
    if (run > this.run) this.begin(run);
    this.waiting = false;
    if (seq < this.seq) return;
    Object.assign(this, { seq, pages: html, thinking });
    if (!live) this.phase = "idle";
    this.samples = [];
  }

  want() {
    if (this.waiting) return;
    this.waiting = true;
    this.ask(this.run);
  }

  tell() {
    for (const listener of this.listeners) listener();
  }
}
