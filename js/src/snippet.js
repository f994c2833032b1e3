// @ts-check
// The code that repeats a run, as a %%claude cell or a Python call, with the settings that are set. Pure.

/** @import {Catalogue, Settings} from "./controls.js" */
import { sent } from "./controls.js";

/** A word as the magic reads it, quoted if necessary. @param {string} word */
export const quote = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);

/** A text as a Python literal. JSON strings are Python strings. @param {string} text */
function literal(text) {
  const plain = JSON.stringify(text);
  if (!text.includes("\n") || text.includes('"""') || text.includes("\\") || text.endsWith('"')) return plain;
  return `"""${text}"""`;
}

/** @param {any} value @returns {string} */
function python(value) {
  if (Array.isArray(value)) return JSON.stringify(value).replaceAll('","', '", "');
  return typeof value === "string" ? literal(value) : String(value);
}

/** The settings that are set, in the order of the code. 0 is a value like any other. @param {Settings} settings */
function options(settings) {
  const { provider, model, system } = settings;
  const named = Object.entries({ provider, model, ...sent(settings), system });
  return named.filter(([, value]) => value !== null && value !== undefined && value !== "");
}

/**
 * magicCell(...) -> "%%claude -t 0.2\nWhy is the sky blue?". null if an option contains a line break.
 *
 * @param {Catalogue} catalogue
 * @param {Settings} settings
 * @param {string} prompt
 * @param {string} variable
 */
export function magicCell(catalogue, settings, prompt, variable) {
  const words = options(settings).flatMap(([name, value]) => {
    const flag = catalogue.knobs.find((knob) => knob.name === name)?.flag ?? `--${name}`;
    const values = Array.isArray(value) ? value : [value];
    return values.flatMap((one) => [flag, quote(String(one))]);
  });
  if (variable && variable !== "reply") words.push("-o", variable);
  const line = ["%%claude", ...words].join(" ");
  return line.includes("\n") ? null : `${line}\n${prompt}`;
}

/**
 * @param {Settings} settings
 * @param {string} prompt
 * @param {string} variable
 */
export function pythonCall(settings, prompt, variable) {
  const lines = [literal(prompt), ...options(settings).map(([name, value]) => `${name}=${python(value)}`)];
  const body = lines.length === 1 ? lines[0] : `\n    ${lines.join(",\n    ")},\n`;
  return `import claude_nb\n\n${variable || "reply"} = claude_nb.ask(${body})`;
}
