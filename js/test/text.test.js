import assert from "node:assert/strict";
import { test } from "node:test";
import { colour } from "../src/colour.js";
import { closesFence, decodeEntity, openFence, safeUrl, unfinished, visible } from "../src/text.js";

test("only absolute addresses of the web and of mail are links", () => {
  for (const good of ["https://a.example/x?y=1", "http://localhost:1/", "HTTPS://A.example", "mailto:ada@a.example"]) assert.ok(safeUrl(good), good);
  const bad = ["javascript:alert(1)", "java\nscript:x", " https://a", "//a.example", "/api/contents", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "http:a", "https:/\\a", "blob:https://a/x", "#x", ""];
  for (const href of bad) assert.equal(safeUrl(href), "", href);
});

test("entities are decoded; what is not one stays", () => {
  assert.equal(decodeEntity("&lt;"), "<");
  assert.equal(decodeEntity("&#x3c;"), "<");
  assert.equal(decodeEntity("&#0;"), "\ufffd");
  assert.equal(decodeEntity("&#xd800;"), "\ufffd");
  assert.equal(decodeEntity("&constructor;"), "&constructor;");
});

test("a fence is closed by one of its own kind, at least as long", () => {
  const fence = openFence("````py x\ncode") ?? assert.fail();
  assert.deepEqual([fence.size, fence.language], [4, "py"]);
  assert.ok(closesFence(fence, "  `````  "));
  for (const line of ["```", "~~~~", "````x", "     ````"]) assert.ok(!closesFence(fence, line), line);
  assert.equal(openFence("    ```\nx"), null);
});

test("coloured code is still the same code", () => {
  const code = 'def f(x):\n    """Doc."""\n    return "a\\"b" + 1.5e3  # é\n@dec\n`open';
  for (const language of ["python", "py", "javascript", "sql", "html", "rust", "json", "yaml", "none", "", "constructor", "__proto__"]) {
    assert.equal(colour(code, language).map((piece) => piece.text).join(""), code, language);
  }
  const kinds = colour(code, "python").filter((piece) => piece.kind).map((piece) => `${piece.kind} ${piece.text}`);
  for (const one of ["keyword def", "name f", "number 1.5e3", "comment # é", "keyword @dec", 'string """Doc."""']) assert.ok(kinds.includes(one), one);
});

test("colouring takes no longer than its text is long", () => {
  for (const hostile of ["/*".repeat(20_000), '"'.repeat(40_000), "`\\".repeat(20_000), "<!--".repeat(10_000), "9".repeat(50_000)]) {
    for (const language of ["javascript", "html", "python", "sql"]) {
      const began = performance.now();
      colour(hostile, language);
      assert.ok(performance.now() - began < 1_000, `${language} ${hostile.slice(0, 8)}`);
    }
  }
});

test("a name before an @ never hides where a link leads", () => {
  assert.equal(safeUrl("https://good.example@bad.example/"), "");
  assert.ok(safeUrl("https://good.example/@ada"));
});

test("characters that act become visible, letters and flags stay", () => {
  assert.equal(visible("a\x1b[2J\u202eb\r\nc\x7f\ud800"), "a␛[2J�b\nc␡�");
  const scotland = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}";
  assert.equal(visible(`é 😀 ${scotland}\t\n`), `é 😀 ${scotland}\t\n`);
  assert.equal(visible("\u{e0041}"), "�");
});

test("half a line end, half a character and half a flag wait for the rest", () => {
  assert.deepEqual(["a", "a\r", "a\ud83d", "a\u{1f3f4}\u{e0067}", "a😀"].map(unfinished), [0, 1, 1, 4, 0]);
});
