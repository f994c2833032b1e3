import assert from "node:assert/strict";
import { test } from "node:test";
import { Stream } from "../src/stream.js";

/** A stream with a clock of its own, and the runs it asked a sync for. */
function made() {
  /** @type {number[]} */
  const asked = [];
  const clock = { now: 0 };
  const stream = new Stream((run) => void asked.push(run), () => clock.now);
  return { stream, asked, clock };
}

/** More at the end of the first page. @param {number} run @param {number} seq @param {string} s */
const d = (run, seq, s) => ({ t: "d", run, seq, n: seq * s.length, html: [[0, Infinity, s]] });

/** @param {Stream} stream */
const shown = (stream) => stream.pages.join("");

/** @param {Stream} stream @param {number} run @param {string[]} pieces */
function tell(stream, run, pieces) {
  stream.receive({ t: "start", run });
  pieces.forEach((s, at) => stream.receive(d(run, at + 1, s)));
}

test("pieces in order make the text, and the end makes it idle", () => {
  const { stream, asked } = made();
  tell(stream, 1, ["The ", "sky"]);
  assert.equal(stream.phase, "running");
  stream.receive({ t: "end", run: 1, seq: 2 });
  assert.deepEqual([shown(stream), stream.phase, asked], ["The sky", "idle", []]);
});

test("a change keeps the beginning of its page, and a page may be added", () => {
  const { stream } = made();
  stream.receive({ t: "start", run: 1 });
  stream.receive({ t: "d", run: 1, seq: 1, html: [[0, 0, "<p>so</p>"]] });
  stream.receive({ t: "d", run: 1, seq: 2, html: [[0, 5, ", 😀</p>"], [1, 0, "<hr>"]] });
  stream.receive({ t: "d", run: 1, seq: 3, html: [[0, 9, "!</p>"]] });
  assert.deepEqual(stream.pages, ["<p>so, 😀!</p>", "<hr>"]);
});

test("thinking is kept apart from the text", () => {
  const { stream } = made();
  stream.receive({ t: "start", run: 1 });
  stream.receive({ t: "d", run: 1, seq: 1, k: "hm" });
  stream.receive(d(1, 2, "Yes"));
  assert.deepEqual([stream.thinking, shown(stream)], ["hm", "Yes"]);
});

test("a lost piece asks once for the whole, and nothing is drawn twice", () => {
  const { stream, asked } = made();
  tell(stream, 1, ["a"]);
  for (const seq of [3, 4, 5]) stream.receive(d(1, seq, "?"));
  assert.deepEqual([asked, shown(stream)], [[1], "a"]);
  stream.receive({ t: "sync", run: 1, seq: 5, html: ["abcde"], thinking: "", live: true });
  stream.receive(d(1, 5, "e"));
  stream.receive(d(1, 6, "f"));
  assert.equal(shown(stream), "abcdef");
});

test("a view that comes late asks, and takes up the run where it stands", () => {
  const { stream, asked } = made();
  stream.resume({ run: 4, live: true });
  assert.deepEqual([stream.phase, asked], ["running", [4]]);
  stream.receive({ t: "sync", run: 4, seq: 9, html: ["so far"], thinking: "", live: true });
  stream.receive(d(4, 10, " so good"));
  assert.equal(shown(stream), "so far so good");
});

test("an end that was not preceded by every piece asks for the rest", () => {
  const { stream, asked } = made();
  tell(stream, 1, ["a"]);
  stream.receive({ t: "end", run: 1, seq: 3 });
  assert.deepEqual([stream.phase, asked], ["idle", [1]]);
  stream.receive({ t: "sync", run: 1, seq: 2 ** 40, html: ["abc"], thinking: "", live: false });
  assert.equal(shown(stream), "abc");
});

test("late pieces of an older run are not mixed into the new one", () => {
  const { stream } = made();
  tell(stream, 1, ["old"]);
  tell(stream, 2, ["new"]);
  stream.receive(d(1, 2, "late"));
  stream.receive({ t: "end", run: 1, seq: 2 });
  assert.deepEqual([stream.run, shown(stream), stream.phase], [2, "new", "running"]);
});

test("Stop shows at once, and what was on its way is still taken", () => {
  const { stream } = made();
  tell(stream, 1, ["a"]);
  stream.stop();
  assert.equal(stream.phase, "stopping");
  stream.receive(d(1, 2, "b"));
  stream.receive({ t: "end", run: 1, seq: 2 });
  assert.deepEqual([shown(stream), stream.phase], ["ab", "idle"]);
});

test("the rate is that of the last moments", () => {
  const { stream, clock } = made();
  stream.receive({ t: "start", run: 1 });
  assert.equal(stream.rate, null);
  for (let seq = 1; seq <= 100; seq++) {
    clock.now += 0.1;
    stream.receive(d(1, seq, "x".repeat(seq <= 50 ? 400 : 40)));
  }
  assert.equal(Math.round(stream.rate ?? 0), 100);
});

test("what is no message of ours changes nothing", () => {
  const { stream } = made();
  tell(stream, 1, ["a"]);
  for (const odd of [null, "x", 7, {}, { t: "d" }, { t: "boo", run: 1 }, { ...d(1, 2, "b"), run: "1" }]) stream.receive(odd);
  assert.equal(shown(stream), "a");
});

test("whatever is lost and whenever one asks, the text ends up whole", () => {
  for (let seed = 1; seed <= 200; seed++) {
    let state = seed;
    const chance = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const pieces = Array.from({ length: 30 }, (_, at) => `${at} `);
    let sent = 0;
    const stream = new Stream((run) => waiting.push(run), () => 0);
    /** @type {number[]} */
    const waiting = [];
    const answer = () => {
      for (const run of waiting.splice(0)) {
        stream.receive({ t: "sync", run, seq: sent, html: [pieces.slice(0, sent).join("")], thinking: "", live: true });
      }
    };
    if (chance() < 0.8) stream.receive({ t: "start", run: 1 });
    for (const s of pieces) {
      sent += 1;
      if (chance() < 0.7) stream.receive(d(1, sent, s));
      if (chance() < 0.3) answer();
    }
    stream.receive({ t: "end", run: 1, seq: sent });
    answer();
    assert.equal(shown(stream), pieces.join(""), `seed ${seed}`);
  }
});
