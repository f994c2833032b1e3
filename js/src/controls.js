// @ts-check
// What each control shows and allows, from the table that Python sends. Pure.

/**
 * @typedef {{name: string, label: string, help: string, flag: string, low: number | null, high: number | null,
 *   step: number | null, log: boolean, unit: string}} Knob
 * @typedef {{name: string, id: string, label: string, note: string, providers: string[], names: string[],
 *   ranges: Record<string, [number, number]>, either: string[][], refuses: Record<string, string>,
 *   context: number | null, price: Record<string, [number, number]>, choices?: Record<string, string[]>}} Model
 *   refuses: knob -> why, one line; choices: knob -> the words it takes
 * @typedef {{knobs: Knob[], choices?: Record<string, string[]>, providers: {name: string, label: string}[], models: Model[]}} Catalogue
 * @typedef {{[name: string]: any, provider: string | null, model: string | null}} Settings  null: not set, not sent
 * @typedef {{name: string, label: string, help: string, unit: string, low: number, high: number, step: number,
 *   log: boolean, value: number | null, locked: string, beyond: number | null, note: string}} Row
 *   locked: why the model refuses it, else ""; beyond: from here on no Claude model follows
 * @typedef {Record<string, string>} Notes  knob -> what was done to it and why
 */

/** The sampling settings, in the order they are shown. */
export const SLIDERS = ["temperature", "top_p", "top_k", "min_p", "max_tokens", "seed", "logprobs"];

/** The settings that are one of a few words. */
export const CHOICES = ["effort", "thinking"];

/** Everything that a run may send. */
export const DIALS = [...SLIDERS, ...CHOICES, "stop_sequences"];

/** The value of a slider that is switched on for the first time. @type {Record<string, number>} */
const START = { temperature: 1, top_p: 0.9, top_k: 40, min_p: 0.05, max_tokens: 1024, seed: 1, logprobs: 5 };

/** Positions of a logarithmic slider. */
const LOG_STEPS = 1000;

/**
 * Find a model by any of its names. A model that is not in the table accepts everything.
 *
 * @param {Catalogue} catalogue
 * @param {string | null} name
 * @returns {Model}
 */
export function findModel(catalogue, name) {
  const wanted = (name ?? "").toLowerCase();
  const found = catalogue.models.find((m) => m.id === name || m.name === name || m.names.includes(wanted));
  const label = name || "model";
  const blank = { providers: [], names: [], ranges: {}, either: [], refuses: {}, context: null, price: {} };
  return found ?? { ...blank, name: label, id: label, label, note: "not in the table: nothing is checked, price unknown" };
}

/** The catalogue with the usual reason in place of each empty one. @param {Catalogue} sent @returns {Catalogue} */
export function withReasons(sent) {
  const models = sent.models.map((model) => {
    const refuses = Object.entries(model.refuses).map(([name, why]) => [name, why || `${model.label} takes no ${name}`]);
    return { ...model, refuses: Object.fromEntries(refuses) };
  });
  return { ...sent, models };
}

/** @param {Catalogue} catalogue @param {Settings} settings @param {Notes} [notes] @returns {Row[]} */
export function rows(catalogue, settings, notes = {}) {
  const model = findModel(catalogue, settings.model);
  return SLIDERS.flatMap((name) => {
    const knob = catalogue.knobs.find((k) => k.name === name);
    if (!knob) return [];
    const [low, high] = model.ranges[name] ?? [knob.low ?? 0, knob.high ?? 1];
    const locked = model.refuses[name] ?? "";
    const beyond = name === "temperature" && high > (knob.high ?? high) ? knob.high : null;
    const { label, help, unit, log } = knob;
    const value = locked ? null : (settings[name] ?? null);
    return [{ name, label, help, unit, log, low, high, step: knob.step ?? 0.01, value, locked, beyond, note: notes[name] ?? "" }];
  });
}

/** The words that a setting can be on this model, or why it has none. @param {Catalogue} catalogue @param {Settings} settings @param {string} name @param {Notes} [notes] */
export function choice(catalogue, settings, name, notes = {}) {
  const model = findModel(catalogue, settings.model);
  const knob = catalogue.knobs.find((one) => one.name === name);
  const locked = model.refuses[name] ?? "";
  const words = locked ? [] : (model.choices?.[name] ?? catalogue.choices?.[name] ?? []);
  const value = locked ? null : (settings[name] ?? null);
  return { label: knob?.label ?? name, hint: locked || notes[name] || (knob?.help ?? ""), words, value, locked };
}

/** The value of a row that is switched on. @param {Row} row */
export function start(row) {
  const wanted = START[row.name] ?? row.low;
  return Math.min(row.high, Math.max(row.low, wanted));
}

/** The position of the thumb, in the units of the slider. @param {Row} row @param {number} value */
export function toPosition(row, value) {
  if (!row.log) return value;
  const low = Math.max(row.low, 16);
  const share = Math.log(Math.max(value, low) / low) / Math.log(row.high / low);
  return Math.round(Math.min(1, share) * LOG_STEPS);
}

/** The value at a position. On a logarithmic scale it has two significant digits. @param {Row} row @param {number} position */
export function toValue(row, position) {
  if (!row.log) return tidy(row, position);
  if (position >= LOG_STEPS) return row.high;
  const low = Math.max(row.low, 16);
  const exact = low * (row.high / low) ** (position / LOG_STEPS);
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(exact)) - 1);
  return Math.round(exact / unit) * unit;
}

/** The limits of the range input. @param {Row} row */
export function scale(row) {
  return row.log ? { min: 0, max: LOG_STEPS, step: 1 } : { min: row.low, max: row.high, step: row.step };
}

/** Round a typed or dragged value and bring it within the limits. @param {Row} row @param {number} value */
export function tidy(row, value) {
  const inside = Math.min(row.high, Math.max(row.low, value));
  return row.step >= 1 ? Math.round(inside) : Number(inside.toFixed(3));
}

/**
 * Set one setting; null switches it off. If the model accepts only one of a group, the others are switched off.
 *
 * @param {Model} model
 * @param {Settings} settings
 * @param {string} name
 * @param {unknown} value
 * @returns {{settings: Settings, notes: Notes}}
 */
export function change(model, settings, name, value) {
  if (value !== null && model.refuses[name]) return { settings, notes: { [name]: model.refuses[name] } };
  const next = { ...settings, [name]: value };
  /** @type {Notes} */
  const notes = {};
  for (const group of model.either) {
    if (value === null || !group.includes(name)) continue;
    for (const other of group) {
      if (other === name || next[other] == null) continue;
      next[other] = null;
      notes[other] = `off: ${model.label} takes ${group.join(" or ")}, not both`;
    }
  }
  return { settings: next, notes };
}

/**
 * Fit the settings to another model: what it does not accept is switched off, with the reason.
 *
 * @param {Model} model
 * @param {Settings} settings
 * @returns {{settings: Settings, notes: Notes}}
 */
export function fit(model, settings) {
  /** @type {Settings} */
  const next = { ...settings, model: model.id };
  /** @type {Notes} */
  const notes = {};
  for (const name of DIALS) {
    const value = settings[name];
    if (value == null || (Array.isArray(value) && !value.length)) continue;
    const words = model.choices?.[name];
    const [low, high] = model.ranges[name] ?? [-Infinity, Infinity];
    if (model.refuses[name]) notes[name] = model.refuses[name];
    else if (words && typeof value === "string" && !words.includes(value)) notes[name] = `off: ${model.label} takes ${words.join(", ")}`;
    else if (value < low || value > high) notes[name] = `off: ${value} is outside ${low} to ${high} on ${model.label}`;
    if (notes[name]) next[name] = null;
  }
  for (const group of model.either) {
    for (const extra of group.filter((name) => next[name] != null).slice(1)) {
      next[extra] = null;
      notes[extra] = `off: ${model.label} takes ${group.join(" or ")}, not both`;
    }
  }
  return { settings: next, notes };
}

/**
 * Apply a preset. Settings that the model does not accept are left out, with the reason.
 *
 * @param {Model} model
 * @param {Settings} settings
 * @param {Record<string, any>} preset  {temperature: 0.2}
 * @returns {{settings: Settings, notes: Notes}}
 */
export function applyPreset(model, settings, preset) {
  const cleared = Object.fromEntries(["temperature", "top_p", "top_k", "min_p"].map((name) => [name, null]));
  const kept = Object.fromEntries(Object.entries(preset).filter(([name]) => name !== "model"));
  const merged = { ...settings, ...cleared, ...kept };
  const result = fit(model, merged);
  return { ...result, settings: { ...result.settings, model: settings.model } };
}

/** Return whether the model accepts nothing of a preset. @param {Model} model @param {Record<string, any>} preset */
export const useless = (model, preset) =>
  Object.keys(preset).length > 0 && Object.keys(preset).every((name) => name in model.refuses);

/**
 * Find the models of a provider whose names, label or note contain every word of the query.
 *
 * @param {Catalogue} catalogue
 * @param {string | null} provider  null: all
 * @param {string} query
 */
export function search(catalogue, provider, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return catalogue.models.filter((m) => {
    if (provider && m.providers.length && !m.providers.includes(provider)) return false;
    const text = [m.name, m.label, m.note, ...m.names].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** What is known of a model, on one line. @param {Model} model @param {string | null} provider */
export function facts(model, provider) {
  if (["demo", "local"].includes(model.providers.join())) return model.note;
  const price = provider ? model.price[provider] : undefined;
  const parts = [
    model.context ? `${short(model.context)} tokens of context` : "",
    price ? `$${price[0]} in, $${price[1]} out per million` : "price unknown",
    model.note,
  ];
  return parts.filter(Boolean).join(" · ");
}

/** short(128000) -> "128k". @param {number} count */
export function short(count) {
  if (count >= 1e6) return `${+(count / 1e6).toFixed(1)}M`;
  return count >= 1e4 ? `${Math.round(count / 1e3)}k` : String(count);
}

/** The settings that a run sends: only those that are set. @param {Settings} settings @returns {Record<string, any>} */
export function sent(settings) {
  const set = DIALS.filter((name) => settings[name] != null && settings[name].length !== 0);
  return Object.fromEntries(set.map((name) => [name, settings[name]]));
}

/** @type {Record<string, string>} */
const BRIEF = { temperature: "T", top_p: "top p", top_k: "top k", min_p: "min p", max_tokens: "max", stop_sequences: "stop", seed: "seed" };

/** One setting for a chip: brief("temperature", 0.2) -> "T 0.2". @param {string} name @param {any} value */
export function brief(name, value) {
  const shown = Array.isArray(value) ? value.map((v) => JSON.stringify(v)).join(" ") : String(value);
  return `${BRIEF[name] ?? name} ${shown}`;
}
