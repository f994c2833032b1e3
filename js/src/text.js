// @ts-check
// The small decisions of the Markdown view that need no DOM. Pure.

/** @type {Record<string, string>} */
const ENTITIES = {
  amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", copy: "©", reg: "®", trade: "™", hellip: "…",
  mdash: "—", ndash: "–", lsquo: "‘", rsquo: "’", ldquo: "“", rdquo: "”", laquo: "«", raquo: "»", bull: "•", middot: "·",
  times: "×", divide: "÷", minus: "−", plusmn: "±", deg: "°", micro: "µ", para: "¶", sect: "§", euro: "€", pound: "£",
  yen: "¥", cent: "¢", frac12: "½", frac14: "¼", frac34: "¾", sup1: "¹", sup2: "²", sup3: "³", larr: "←", uarr: "↑",
  rarr: "→", darr: "↓", harr: "↔", rArr: "⇒", lArr: "⇐", hArr: "⇔", le: "≤", ge: "≥", ne: "≠", asymp: "≈", equiv: "≡",
  infin: "∞", sum: "∑", prod: "∏", radic: "√", part: "∂", int: "∫", nabla: "∇", isin: "∈", notin: "∉", cap: "∩",
  cup: "∪", sub: "⊂", sup: "⊃", forall: "∀", exist: "∃", empty: "∅", alpha: "α", beta: "β", gamma: "γ", delta: "δ",
  epsilon: "ε", theta: "θ", lambda: "λ", mu: "μ", pi: "π", rho: "ρ", sigma: "σ", tau: "τ", phi: "φ", omega: "ω",
  Delta: "Δ", Sigma: "Σ", Omega: "Ω", eacute: "é", egrave: "è", agrave: "à", auml: "ä", ouml: "ö", uuml: "ü",
  Auml: "Ä", Ouml: "Ö", Uuml: "Ü", szlig: "ß", ccedil: "ç", ntilde: "ñ", check: "✓", hearts: "♥", lbrace: "{",
  rbrace: "}", lbrack: "[", rbrack: "]", lpar: "(", rpar: ")", colon: ":", Tab: "\t", NewLine: "\n", sol: "/", bsol: "\\",
}; // prettier-ignore

/** decodeEntity("&lt;") -> "<"; one it does not know stays as written. @param {string} entity */
export function decodeEntity(entity) {
  const name = entity.slice(1, -1);
  if (name[0] !== "#") return Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : entity;
  const code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
  const real = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return real ? String.fromCodePoint(code) : "\ufffd";
}

/** The address, if it is absolute and http, https or mailto, and no name before an @ hides its host; else "". @param {string} href */
export function safeUrl(href) {
  if (!/^(?:https?:\/\/|mailto:)/i.test(href)) return "";
  try {
    const url = new URL(href);
    const fits = ["http:", "https:", "mailto:"].includes(url.protocol) && !url.username && !url.password;
    return fits ? url.href : "";
  } catch {
    return "";
  }
}

/** How a block of raw Markdown opens as a fence, or null. @param {string} raw */
export function openFence(raw) {
  const match = /^( {0,3})(`{3,}|~{3,})([^\n]*)\n/.exec(raw);
  if (!match) return null;
  const [, indent, mark, info] = match;
  return { mark: mark[0], size: mark.length, indent: indent.length, language: info.trim().split(/\s/)[0] };
}

/** @param {{mark: string, size: number}} fence @param {string} line */
export function closesFence(fence, line) {
  const match = /^ {0,3}(`{3,}|~{3,})[ \t]*\r?$/.exec(line);
  return match !== null && match[1][0] === fence.mark && match[1].length >= fence.size;
}

const ACTING = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}\p{Cs}]/u;
const FLAG = /(\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{2,6}\u{e007f})/u;
const UNFINISHED = /(?:\r|\p{Cs}|\u{1f3f4}[\u{e0030}-\u{e007a}]*)$/u;

/** Controls, direction overrides, invisible tags and half characters, made visible. @param {string} text */
export function visible(text) {
  if (!ACTING.test(text)) return text;
  const lines = text.replace(/\r\n?/g, "\n").replaceAll("\f", " ");
  // The flags of Scotland and others are spelled with tag characters.
  const parts = lines.split(FLAG);
  return parts.map((part, at) => (at % 2 ? part : part.replace(new RegExp(ACTING, "gu"), picture))).join("");
}

/** @param {string} character */
function picture(character) {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : "\ufffd";
}

/** Characters at the end that may belong together with what comes next. @param {string} text */
export const unfinished = (text) => UNFINISHED.exec(text.slice(-12))?.[0].length ?? 0;
