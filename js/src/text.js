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

/** The address, if it is absolute and http, https or mailto; else "". @param {string} href */
export function safeUrl(href) {
  if (!/^(?:https?:\/\/|mailto:)/i.test(href)) return "";
  try {
    const url = new URL(href);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : "";
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
