// @ts-check
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { entropyBits, shape, survivors } from "../src/sampling.js";
import { unpack } from "../src/unpack.js";

const file = new URL("../../tests/lens_packed.json", import.meta.url);
const { p: exact, packed, cases } = JSON.parse(readFileSync(file, "utf8"));
const bytes = Buffer.from(packed, "base64");
// A view into a larger buffer, as it arrives from a kernel.
const p = unpack(new DataView(new Uint8Array([7, 7, 7, ...bytes]).buffer, 3));
const order = Array.from(p, (_, place) => place);

/** The most by which a probability in the tail is off, after a temperature t. */
const bound = (t = 1) => (0.0002 / t) * 1.1;

test("every probability is within two hundredths of a percent, and the first ones are exact", () => {
  assert.equal(p.length, exact.length);
  for (const [i, x] of exact.entries()) assert.ok(Math.abs(p[i] - x) <= x * (i < 200 ? 1e-7 : bound()) + 1e-44, `${i}: ${p[i]}, not ${x}`);
});

test("all of them together are one", () => {
  assert.ok(Math.abs(p.reduce((sum, x) => sum + x, 0) - 1) < 1e-6);
});

for (const { settings, final, others, survivors: left, entropy_bits: bits } of cases) {
  test(`the settings make of them what they make of the exact ones: ${JSON.stringify(settings)}`, () => {
    const shaped = shape(p, settings, order).final;
    const off = bound(settings.temperature || 1);
    for (const [i, x] of final.entries()) assert.ok(Math.abs(shaped[i] - x) < off * x + 1e-7, `${i}: ${shaped[i]}, not ${x}`);
    const rest = Array.from(shaped).slice(20).reduce((sum, x) => sum + x, 0);
    assert.ok(Math.abs(rest - others) < off, `others: ${rest}, not ${others}`);
    assert.ok(Math.abs(survivors(shaped) - left) <= 1, `${survivors(shaped)} left, not ${left}`);
    assert.ok(Math.abs(entropyBits(shaped) - bits) < 0.001, `${entropyBits(shaped)} bits, not ${bits}`);
  });
}
