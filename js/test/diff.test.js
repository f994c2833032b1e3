import assert from "node:assert/strict";
import { test } from "node:test";
import { diff } from "../src/diff.js";

/** @param {string} before @param {string} after */
const marked = (before, after) =>
  diff(before, after).map(({ kind, text }) => ({ same: text, added: `+${text}`, removed: `-${text}` })[kind]).join("|");

test("a changed word is removed and added, the rest stays", () => {
  assert.equal(marked("a red cat", "a blue cat"), "a |-red |+blue |cat");
  assert.equal(marked("same", "same"), "same");
  assert.equal(marked("", "new"), "+new");
  assert.equal(marked("old", ""), "-old");
  assert.equal(marked("one two three four", "one three four five"), "one |-two |three |-four|+four five");
});

test("without the added parts it is the old text, without the removed ones the new", () => {
  let state = 7;
  const chance = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const text = () => Array.from({ length: Math.floor(chance() * 60) }, () => "a b c\n".split(" ")[Math.floor(chance() * 3)]).join(" ");
  for (let times = 0; times < 300; times++) {
    const [before, after] = [text(), text()];
    const parts = diff(before, after);
    const without = (/** @type {string} */ kind) => parts.filter((part) => part.kind !== kind).map((part) => part.text).join("");
    assert.deepEqual([without("added"), without("removed")], [before, after]);
  }
});

test("two long texts with nothing in common are replaced, after a search that is bounded", (t) => {
  const [before, after] = ["a", "b"].map((word) => Array.from({ length: 20_000 }, (_, at) => `${word}${at}`).join(" "));
  let steps = 0;
  const { get } = Map.prototype;
  t.after(() => (Map.prototype.get = get));
  Map.prototype.get = function (key) {
    if (++steps > 1_000_000) assert.fail("the search goes on"); // measured: 540,000
    return get.call(this, key);
  };
  const parts = diff(before, after);
  Map.prototype.get = get;
  assert.deepEqual(parts.map((part) => part.kind), ["removed", "added"]);
});
