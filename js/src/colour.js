// @ts-check
// Colour for finished code blocks: comments, strings, numbers, keywords. Small on purpose; what it does not know stays plain.

/** @typedef {{kind: "" | "comment" | "string" | "number" | "keyword" | "name", text: string}} Piece */

const C_LIKE = `break case catch class const continue default delete do else enum export extends false finally for
  function if import in instanceof interface let new null return static super switch this throw true try type typeof
  undefined var void while yield async await of from as`;
const TYPED = `${C_LIKE} public private protected abstract final int long float double char bool boolean string struct
  namespace using template auto unsigned package go func defer chan map range fn mut impl trait pub use mod match where
  self Self loop move ref unsafe dyn`;

/** @type {Record<string, [words: string, comments: "#" | "//" | "--" | "<"]>} */
const LANGUAGES = {
  python: [
    `False None True and as assert async await break class continue def del elif else except finally for from global if
    import in is lambda match case nonlocal not or pass raise return try while with yield`,
    "#",
  ],
  bash: ["if then else elif fi for while until do done case esac in function return local export readonly set echo cd", "#"],
  r: ["if else repeat while function for in next break TRUE FALSE NULL NA Inf NaN library", "#"],
  julia: ["function end if else elseif for while return using import module struct true false nothing begin let do in", "#"],
  yaml: ["true false null yes no", "#"],
  toml: ["true false", "#"],
  javascript: [C_LIKE, "//"],
  typed: [TYPED, "//"],
  json: ["true false null", "//"],
  css: ["important media supports keyframes container import", "//"],
  sql: [
    `select from where join left right inner outer full on group by order having limit offset insert into values update
    set delete create table view index drop alter add primary key foreign references not null and or in is like between
    as distinct union all case when then else end with count sum avg min max asc desc exists`,
    "--",
  ],
  html: ["", "<"],
};

/** @type {Record<string, string>} */
const ALIASES = {
  py: "python", python3: "python", ipython: "python", sh: "bash", shell: "bash", zsh: "bash", console: "bash",
  js: "javascript", jsx: "javascript", ts: "javascript", tsx: "javascript", typescript: "javascript", yml: "yaml",
  java: "typed", c: "typed", cpp: "typed", "c++": "typed", cs: "typed", csharp: "typed", go: "typed", rust: "typed",
  rs: "typed", kotlin: "typed", swift: "typed", jl: "julia", xml: "html", svg: "html", scss: "css", jsonc: "json",
}; // prettier-ignore

const COMMENTS = { "#": "#[^\\n]*", "//": "//[^\\n]*|/\\*[^]*?(?:\\*/|$)", "--": "--[^\\n]*|/\\*[^]*?(?:\\*/|$)", "<": "<!--[^]*?(?:-->|$)" };
const STRING = `"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\\\.|[^"\\\\\\n])*"?|'(?:\\\\.|[^'\\\\\\n])*'?|\`(?:\\\\.|[^\`\\\\])*\`?`;
const MARKUP = "</?[A-Za-z][\\w:-]*|/?>";
const NUMBER = "\\b(?:0[xX][\\da-fA-F_]+|\\d[\\d_]*(?:\\.\\d+)?(?:[eE][+-]?\\d+)?)\\b";
const WORD = "[A-Za-z_@$][\\w$]*";

/** @type {Map<string, (code: string) => Piece[]>} */
const made = new Map();

/**
 * colour("return 1", "python") -> keyword "return", "" " ", number "1". Joined, the pieces are the code again.
 *
 * @param {string} code
 * @param {string} language
 * @returns {Piece[]}
 */
export function colour(code, language) {
  const name = ALIASES[language.toLowerCase()] ?? language.toLowerCase();
  if (!Object.hasOwn(LANGUAGES, name) || code.length > 60_000) return [{ kind: "", text: code }];
  const run = made.get(name) ?? scanner(name);
  made.set(name, run);
  return run(code);
}

/** @param {string} name @returns {(code: string) => Piece[]} */
function scanner(name) {
  const [text, comments] = LANGUAGES[name];
  const keywords = new Set(text.split(/\s+/));
  const markup = comments === "<";
  const middle = markup ? `(?<keyword>${MARKUP})` : `(?<number>${NUMBER})|(?<word>${WORD})`;
  const pattern = new RegExp(`(?<comment>${COMMENTS[comments]})|(?<string>${STRING})|${middle}`, "g");
  return (code) => {
    /** @type {Piece[]} */
    const pieces = [];
    let end = 0;
    for (const match of code.matchAll(pattern)) {
      const groups = match.groups ?? {};
      let kind = /** @type {Piece["kind"]} */ (Object.keys(groups).find((key) => groups[key] !== undefined) ?? "");
      if (groups.word !== undefined) kind = wordKind(groups.word, code[match.index + match[0].length], keywords, name);
      if (kind === "") continue;
      if (match.index > end) pieces.push({ kind: "", text: code.slice(end, match.index) });
      pieces.push({ kind, text: match[0] });
      end = match.index + match[0].length;
    }
    if (end < code.length) pieces.push({ kind: "", text: code.slice(end) });
    return pieces;
  };
}

/** @param {string} word @param {string | undefined} next @param {Set<string>} keywords @param {string} language @returns {Piece["kind"]} */
function wordKind(word, next, keywords, language) {
  if (keywords.has(language === "sql" ? word.toLowerCase() : word) || word[0] === "@") return "keyword";
  return next === "(" ? "name" : "";
}
