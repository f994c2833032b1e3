// @ts-check
// One run as the front end sees it: messages from Python folded into text. Pure; no DOM, no clock of its own.
//
// start -> d d d ... -> end.  Every d counts seq up by one. Whoever came late, or missed one, asks for a sync.

/**
 * @typedef {{t: "start", run: number, model?: string}
 *   | {t: "d", run: number, seq: number, s?: string, k?: string}
 *   | {t: "note", run: number, s: string}
 *   | {t: "sync", run: number, seq: number, text: string, thinking: string, live: boolean}
 *   | {t: "end", run: number, seq: number}} Message  s: text of the reply, k: of its thinking
 * @typedef {"idle" | "running" | "stopping"} Phase
 */

/** Seconds that the live rate looks back. */
const WINDOW_S = 3;
/** Rough, and shown as such: the true count comes with the end. */
const CHARS_PER_TOKEN = 4;

export class Stream {
  /**
   * @param {(run: number) => void} ask  called when text is missing: Python answers with a sync
   * @param {() => number} [now]  seconds
   */
  constructor(ask, now = () => performance.now() / 1000) {
    this.ask = ask;
    this.now = now;
    this.run = 0;
    this.seq = 0;
    this.text = "";
    this.thinking = "";
    this.notice = "";
    /** @type {Phase} */
    this.phase = "idle";
    /** True between a question for a sync and its answer. */
    this.waiting = false;
    this.startedAt = 0;
    /** @type {[at: number, chars: number][]} */
    this.samples = [];
    /** @type {Set<() => void>} */
    this.listeners = new Set();
  }

  /** @param {() => void} listener  @returns {() => void} its end */
  subscribe(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** What a saved or reloaded widget knows of a run that Python may still be writing. @param {{run: number, live: boolean}} state */
  resume({ run, live }) {
    if (!run || run < this.run || (run === this.run && this.phase !== "idle")) return;
    if (run !== this.run) this.begin(run);
    this.phase = live ? "running" : "idle";
    if (live) this.want();
    this.tell();
  }

  /** The text of the newest run as the widget's state has it. @param {{run: number}} state @param {{text: string, thinking: string} | undefined} run */
  seed(state, run) {
    if (this.run || !run) return;
    this.begin(state.run);
    Object.assign(this, { text: run.text, thinking: run.thinking, phase: "idle" });
  }

  /** @param {unknown} data */
  receive(data) {
    const message = /** @type {Message} */ (data);
    if (!message || typeof message !== "object" || typeof message.run !== "number") return;
    if (message.run < this.run) return; // a late piece of an older run
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

  /** The Stop button acts at once; what is still on its way is taken. */
  stop() {
    if (this.phase !== "running") return;
    this.phase = "stopping";
    this.tell();
  }

  /** Tokens per second over the last moments; null while too little has come. */
  get rate() {
    const first = this.samples[0];
    const last = this.samples[this.samples.length - 1];
    if (!first || !last || last[0] - first[0] < 0.3) return null;
    return (last[1] - first[1]) / CHARS_PER_TOKEN / (last[0] - first[0]);
  }

  /** @param {number} run */
  begin(run) {
    Object.assign(this, { run, seq: 0, text: "", thinking: "", notice: "", phase: "running", waiting: false });
    this.samples = [];
    this.startedAt = this.now();
  }

  /** @param {{run: number, seq: number, s?: string, k?: string}} message */
  piece({ run, seq, s = "", k = "" }) {
    if (run > this.run) this.begin(run); // its start was missed; the gap below asks for the rest
    if (seq <= this.seq || this.waiting) return;
    if (seq !== this.seq + 1) {
      this.want();
      return;
    }
    this.seq = seq;
    this.text += s;
    this.thinking += k;
    this.notice = "";
    const now = this.now();
    this.samples.push([now, this.text.length + this.thinking.length]);
    while (this.samples[0][0] < now - WINDOW_S) this.samples.shift();
  }

  /** @param {{run: number, seq: number, text: string, thinking: string, live: boolean}} message */
  whole({ run, seq, text, thinking, live }) {
    if (run > this.run) this.begin(run);
    this.waiting = false;
    if (seq < this.seq) return;
    Object.assign(this, { seq, text, thinking });
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
