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

/** @param {Stream} stream @param {number} run @param {string[]} pieces */
function tell(stream, run, pieces) {
  stream.receive({ t: "start", run });
  pieces.forEach((s, at) => stream.receive({ t: "d", run, seq: at + 1, s }));
}

test("pieces in order make the text, and the end makes it idle", () => {
  const { stream, asked } = made();
  tell(stream, 1, ["The ", "sky"]);
  assert.equal(stream.phase, "running");
  stream.receive({ t: "end", run: 1, seq: 2 });
  assert.deepEqual([stream.text, stream.phase, asked], ["The sky", "idle", []]);
});

test("thinking is kept apart from the text", () => {
  const { stream } = made();
  stream.receive({ t: "start", run: 1 });
  stream.receive({ t: "d", run: 1, seq: 1, k: "hm" });
  stream.receive({ t: "d", run: 1, seq: 2, s: "Yes" });
  assert.deepEqual([stream.thinking, stream.text], ["hm", "Yes"]);
});

test("a lost piece asks once for the whole, and nothing is drawn twice", () => {
  const { stream, asked } = made();
  tell(stream, 1, ["a"]);
  for (const seq of [3, 4, 5]) stream.receive({ t: "d", run: 1, seq, s: "?" });
  assert.deepEqual([asked, stream.text], [[1], "a"]);
  stream.receive({ t: "sync", run: 1, seq: 5, text: "abcde", thinking: "", live: true });
  stream.receive({ t: "d", run: 1, seq: 5, s: "e" });
  stream.receive({ t: "d", run: 1, seq: 6, s: "f" });
  assert.equal(stream.text, "abcdef");
});

test("a view that comes late asks, and takes up the run where it stands", () => {
  const { stream, asked } = made();
  stream.resume({ run: 4, live: true });
  assert.deepEqual([stream.phase, asked], ["running", [4]]);
  stream.receive({ t: "sync", run: 4, seq: 9, text: "so far", thinking: "", live: true });
  stream.receive({ t: "d", run: 4, seq: 10, s: " so good" });
  assert.equal(stream.text, "so far so good");
});

test("an end that was not preceded by every piece asks for the rest", () => {
  const { stream, asked } = made();
  tell(stream, 1, ["a"]);
  stream.receive({ t: "end", run: 1, seq: 3 });
  assert.deepEqual([stream.phase, asked], ["idle", [1]]);
  stream.receive({ t: "sync", run: 1, seq: 2 ** 40, text: "abc", thinking: "", live: false });
  assert.equal(stream.text, "abc");
});

test("late pieces of an older run are not mixed into the new one", () => {
  const { stream } = made();
  tell(stream, 1, ["old"]);
  tell(stream, 2, ["new"]);
  stream.receive({ t: "d", run: 1, seq: 2, s: "late" });
  stream.receive({ t: "end", run: 1, seq: 2 });
  assert.deepEqual([stream.run, stream.text, stream.phase], [2, "new", "running"]);
});

test("Stop shows at once, and what was on its way is still taken", () => {
  const { stream } = made();
  tell(stream, 1, ["a"]);
  stream.stop();
  assert.equal(stream.phase, "stopping");
  stream.receive({ t: "d", run: 1, seq: 2, s: "b" });
  stream.receive({ t: "end", run: 1, seq: 2 });
  assert.deepEqual([stream.text, stream.phase], ["ab", "idle"]);
});

test("the rate is that of the last moments", () => {
  const { stream, clock } = made();
  stream.receive({ t: "start", run: 1 });
  assert.equal(stream.rate, null);
  for (let seq = 1; seq <= 100; seq++) {
    clock.now += 0.1;
    stream.receive({ t: "d", run: 1, seq, s: "x".repeat(seq <= 50 ? 400 : 40) });
  }
  assert.equal(Math.round(stream.rate ?? 0), 100);
});

test("what is no message of ours changes nothing", () => {
  const { stream } = made();
  tell(stream, 1, ["a"]);
  for (const odd of [null, "x", 7, {}, { t: "d" }, { t: "boo", run: 1 }, { t: "d", run: "1", seq: 2, s: "b" }]) stream.receive(odd);
  assert.equal(stream.text, "a");
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
        stream.receive({ t: "sync", run, seq: sent, text: pieces.slice(0, sent).join(""), thinking: "", live: true });
      }
    };
    if (chance() < 0.8) stream.receive({ t: "start", run: 1 });
    for (const s of pieces) {
      sent += 1;
      if (chance() < 0.7) stream.receive({ t: "d", run: 1, seq: sent, s });
      if (chance() < 0.3) answer();
    }
    stream.receive({ t: "end", run: 1, seq: sent });
    answer();
    assert.equal(stream.text, pieces.join(""), `seed ${seed}`);
  }
});
