import assert from "node:assert/strict";
import { test } from "node:test";
import * as controls from "../src/controls.js";
import { magicCell, pythonCall, quote } from "../src/snippet.js";

/** @import {Catalogue, Settings} from "../src/controls.js" */

const knob = { help: "", unit: "", low: 0, high: 1, step: 0.05, log: false };
const blank = { note: "", ranges: {}, either: [], refuses: {}, context: 200_000, price: {} };
/** @type {Catalogue} */
const catalogue = {
  knobs: [
    { ...knob, name: "temperature", label: "Temperature", flag: "-t" },
    { ...knob, name: "top_p", label: "Top p", flag: "--top-p", low: 0.01, step: 0.01 },
    { ...knob, name: "top_k", label: "Top k", flag: "--top-k", low: 1, high: 500, step: 1 },
    { ...knob, name: "max_tokens", label: "Max tokens", flag: "-n", low: 1, high: 128_000, step: 1, log: true },
    { ...knob, name: "seed", label: "Seed", flag: "--seed", low: 0, high: 2 ** 31 - 1, step: 1 },
    { ...knob, name: "stop_sequences", label: "Stop", flag: "--stop", low: null, high: null, step: null },
    { ...knob, name: "model", label: "Model", flag: "-m", low: null, high: null, step: null },
    { ...knob, name: "provider", label: "Provider", flag: "-p", low: null, high: null, step: null },
    { ...knob, name: "system", label: "System", flag: "-s", low: null, high: null, step: null },
  ],
  providers: [{ name: "aimlapi", label: "AI/ML API" }, { name: "demo", label: "Demo" }],
  models: [
    {
      ...blank, name: "claude-sonnet-4-6", id: "sonnet", label: "Claude Sonnet 4.6", providers: ["aimlapi"],
      names: ["sonnet", "anthropic/claude-sonnet-4.6"], either: [["temperature", "top_p"]], ranges: { temperature: [0, 1], max_tokens: [1, 64_000] },
    },
    {
      ...blank, name: "claude-opus-5-5", id: "opus", label: "Claude Opus 5.5", providers: ["aimlapi"], names: ["opus"],
      refuses: { temperature: "Claude Opus 5.5 takes no temperature", top_p: "no top_p", top_k: "no top_k" },
    },
    { ...blank, name: "demo", id: "demo", label: "Demo", providers: ["demo"], names: ["demo"], ranges: { temperature: [0, 2], max_tokens: [1, 2048] } },
  ],
};
const unset = Object.fromEntries([...controls.SLIDERS, "stop_sequences", "system"].map((name) => [name, null]));
/** @param {Record<string, any>} given @returns {Settings} */
const settings = (given = {}) => ({ ...unset, provider: "aimlapi", model: "sonnet", ...given });
/** @param {string} name @param {Record<string, any>} given */
const row = (name, given = {}) => controls.rows(catalogue, settings(given)).find((one) => one.name === name) ?? assert.fail();

test("nothing is set and nothing is sent until somebody moves something", () => {
  assert.ok(controls.rows(catalogue, settings()).every((one) => one.value === null));
  assert.deepEqual(controls.sent(settings()), {});
  assert.deepEqual(controls.sent(settings({ temperature: 0, stop_sequences: [] })), { temperature: 0 });
});

test("what the model refuses is locked, with the reason", () => {
  assert.equal(row("temperature", { model: "opus" }).locked, "Claude Opus 5.5 takes no temperature");
  assert.equal(row("max_tokens", { model: "opus" }).locked, "");
  assert.equal(row("temperature", { model: "opus", temperature: 0.5 }).value, null);
});

test("the model's own range is the slider's; past Claude's range it says so", () => {
  assert.deepEqual([row("temperature").high, row("temperature").beyond], [1, null]);
  assert.deepEqual([row("temperature", { model: "demo" }).high, row("temperature", { model: "demo" }).beyond], [2, 1]);
  assert.equal(row("max_tokens", { model: "demo" }).high, 2048);
});

test("temperature and top_p push each other off where the model takes one only, and say why", () => {
  const sonnet = controls.findModel(catalogue, "sonnet");
  const { settings: next, notes } = controls.change(sonnet, settings({ top_p: 0.9 }), "temperature", 0.2);
  assert.deepEqual([next.temperature, next.top_p], [0.2, null]);
  assert.match(notes.top_p, /temperature or top_p, not both/);
  const demo = controls.findModel(catalogue, "demo");
  assert.equal(controls.change(demo, settings({ top_p: 0.9 }), "temperature", 0.2).settings.top_p, 0.9);
});

test("a setting that the model refuses cannot be switched on", () => {
  const opus = controls.findModel(catalogue, "opus");
  const { settings: next, notes } = controls.change(opus, settings(), "temperature", 0.2);
  assert.equal(next.temperature, null);
  assert.match(notes.temperature, /takes no temperature/);
});

test("another model drops what it refuses or what is out of its range, never silently", () => {
  const before = settings({ model: "demo", temperature: 1.6, top_k: 5, max_tokens: 100 });
  const opus = controls.fit(controls.findModel(catalogue, "opus"), before);
  assert.deepEqual(controls.sent(opus.settings), { max_tokens: 100 });
  assert.deepEqual(Object.keys(opus.notes).sort(), ["temperature", "top_k"]);
  const sonnet = controls.fit(controls.findModel(catalogue, "sonnet"), before);
  assert.deepEqual(controls.sent(sonnet.settings), { top_k: 5, max_tokens: 100 });
  assert.match(sonnet.notes.temperature, /outside 0 to 1/);
  const both = controls.fit(controls.findModel(catalogue, "sonnet"), settings({ temperature: 0.5, top_p: 0.5 }));
  assert.deepEqual(controls.sent(both.settings), { temperature: 0.5 });
});

test("a preset touches only what the model takes", () => {
  const sonnet = controls.applyPreset(controls.findModel(catalogue, "sonnet"), settings({ top_p: 0.4 }), { temperature: 0.1 });
  assert.deepEqual(controls.sent(sonnet.settings), { temperature: 0.1 });
  const opus = controls.findModel(catalogue, "opus");
  assert.deepEqual(controls.sent(controls.applyPreset(opus, settings({ model: "opus" }), { temperature: 0.1, max_tokens: 9 }).settings), { max_tokens: 9 });
  assert.ok(controls.useless(opus, { temperature: 0.1 }));
  assert.ok(!controls.useless(opus, { max_tokens: 9 }) && !controls.useless(opus, {}));
});

test("a logarithmic slider reaches both ends, and every position comes back to itself", () => {
  const max = row("max_tokens");
  assert.equal(controls.toValue(max, 1000), 64_000);
  assert.equal(controls.toPosition(max, 64_000), 1000);
  let last = 0;
  for (let position = 0; position <= 1000; position += 5) {
    const value = controls.toValue(max, position);
    assert.ok(value >= last, `${position}`);
    assert.ok(Math.abs(controls.toPosition(max, value) - position) < 12, `${position} -> ${value}`);
    last = value;
  }
});

test("values are inside the limits and tidy", () => {
  assert.equal(controls.tidy(row("temperature"), 0.1 + 0.2), 0.3);
  assert.equal(controls.tidy(row("temperature"), 7), 1);
  assert.equal(controls.tidy(row("top_k"), 4.4), 4);
});

test("a model is found by any spelling, and an unknown one refuses nothing", () => {
  assert.equal(controls.findModel(catalogue, "anthropic/claude-sonnet-4.6").id, "sonnet");
  const unknown = controls.findModel(catalogue, "my-own-model");
  assert.deepEqual([unknown.id, unknown.refuses, unknown.either], ["my-own-model", {}, []]);
});

test("a refusal without a reason gets the usual one", () => {
  const models = [{ ...catalogue.models[0], label: "Demo", refuses: { effort: "", seed: "why" } }];
  const [model] = controls.withReasons({ ...catalogue, models }).models;
  assert.deepEqual(model.refuses, { effort: "Demo takes no effort", seed: "why" });
});

test("the search wants every word, in any place", () => {
  assert.deepEqual(controls.search(catalogue, null, "claude 5.5").map((m) => m.id), ["opus"]);
  assert.deepEqual(controls.search(catalogue, "demo", "").map((m) => m.id), ["demo"]);
  assert.deepEqual(controls.search(catalogue, "aimlapi", "nothing like it"), []);
});

test("what is known of a model names the price, or says that it is unknown", () => {
  const sonnet = { ...controls.findModel(catalogue, "sonnet"), price: { aimlapi: /** @type {[number, number]} */ ([3, 15]) } };
  assert.equal(controls.facts(sonnet, "aimlapi"), "200k tokens of context · $3 in, $15 out per million");
  assert.match(controls.facts(sonnet, "anthropic"), /price unknown/);
});

test("the code has only what is set", () => {
  const cell = magicCell(catalogue, settings({ temperature: 0, stop_sequences: ["END", "a b"] }), "Hi\nthere", "out");
  assert.equal(cell, "%%claude -p aimlapi -m sonnet -t 0 --stop END --stop 'a b' -o out\nHi\nthere");
  assert.equal(magicCell(catalogue, { ...unset, provider: null, model: null }, "Hi", "reply"), "%%claude\nHi");
  const call = pythonCall(settings({ top_p: 0.9, stop_sequences: ["\n"] }), "Hi", "out");
  assert.equal(call, 'import claude_nb\n\nout = claude_nb.ask(\n    "Hi",\n    provider="aimlapi",\n    model="sonnet",\n    top_p=0.9,\n    stop_sequences=["\\n"],\n)');
});

test("an option that the first line cannot hold leaves only the Python call", () => {
  assert.equal(magicCell(catalogue, settings({ system: "two\nlines" }), "Hi", "reply"), null);
  assert.equal(quote("it's"), `'it'"'"'s'`);
});
