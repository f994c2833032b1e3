// @ts-check
// The bars of the lens: a table, so that it can be read as well as seen. Rows stay, only their widths and words change.

/** @import {LensView} from "./lens-view.js" */
/** @import {Bar} from "./bars.js" */

import { bars, drawMany, length, percent, TOP, wilson } from "./bars.js";
import { button, h, say } from "./dom.js";
import { LAST } from "./lens-view.js";
import { shape } from "./sampling.js";
import { NAMED } from "./unpack.js";

/** @param {LensView} view */
export function barsPanel(view) {
  /** @type {ReturnType<typeof row>[]} */
  const rows = [];
  const others = row(view);
  const seen = h("th", { scope: "col", class: "cnb-end" });
  const caption = h("caption");
  const scale = button("Log scale", () => ((view.log = !view.log), view.redraw()));
  const waiting = h("p", { class: "cnb-empty" }, "Waiting for the kernel…");
  const body = h("tbody", {}, others.element);
  const more = button("", () => ((view.all = !view.all), view.redraw()));
  const now = h("th", { scope: "col", class: "cnb-end" }, "now");
  const noun = h("th", { scope: "col" });
  const table = h(
    "table",
    { class: "cnb-bars" },
    caption,
    h("thead", {}, h("tr", {}, noun, h("th", { scope: "col" }, h("span", { class: "cnb-sr" }, "bar")), h("th", { scope: "col", class: "cnb-end" }, "model"), now, seen)),
    body,
  );
  body.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = [...body.querySelectorAll("button")].filter((one) => !one.disabled && one.offsetParent);
    const to = buttons[buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement)) + step];
    event.preventDefault();
    to?.focus();
  });

  view.onRedraw(() => {
    const { now: known, sampled } = view;
    table.hidden = !sampled;
    waiting.hidden = Boolean(sampled);
    if (!known || !sampled) return;
    const hidden = view.hidden || !view.told ? -1 : view.step.token;
    const all = bars(sampled, view.stage, known.ranked, hidden === -1 ? known.ranked[0] : hidden, view.top);
    while (rows.length < all.bars.length) {
      rows.push(row(view));
      others.element.before(rows[rows.length - 1].element);
    }
    const ghost = view.pinned ? shape(known.p, view.pinned, known.ranked).final : null;
    const most = Math.max(0, ...all.bars.map(({ p, r, token }) => Math.max(p, r, ghost?.[token] ?? 0)));
    const stairs = view.settings.top_p !== null && view.settings.temperature !== 0;
    const name = sampled.stages[view.stage].name;
    keys.cut.hidden = !sampled.cut.some(Boolean);
    keys.ghost.hidden = !ghost;
    keys.seen.hidden = !view.draws.n;
    keys.stairs.hidden = !stairs;
    say(now, view.stage === LAST ? "now" : `after ${name}`);
    const after = `after “${tail(known.about.context || view.model.get("prompt"))}”`;
    say(caption, view.closed ? `What the server told ${after}.` : `The ${all.bars.length > TOP + 1 ? view.top : TOP} likeliest ${view.noun}s ${after}. Click one to force it.`);
    say(seen, view.draws.n ? `${view.draws.n.toLocaleString("en")} drawn` : "");
    say(noun, view.noun);
    const firstCut = all.bars.findIndex((bar) => bar.cut);
    for (const [at, one] of rows.entries()) {
      const bar = all.bars[at];
      one.element.hidden = !bar;
      if (bar) one.draw(bar, { word: view.word(bar.token), chosen: bar.token === hidden, most, ghost: ghost ? ghost[bar.token] : null, stairs: stairs && at < view.top, edge: at === firstCut });
    }
    const { count, p, r, cut } = all.others;
    const left = ghost ? Math.max(0, 1 - all.bars.reduce((sum, { token }) => sum + ghost[token], 0)) : null;
    const bar = { token: -1, p, r, cut: cut === count ? "top_k" : null, before: 1, after: 1 };
    others.draw(/** @type {Bar} */ (bar), { word: view.closed ? "not told" : `${count.toLocaleString("en")} others`, chosen: false, most, ghost: left, stairs: false, edge: firstCut < 0 && cut > 0, cutOf: cut ? `${cut.toLocaleString("en")} cut` : "" });
    more.hidden = view.closed || known.ranked.length <= TOP + 1;
    say(more, view.all ? `Show ${TOP}` : `Show ${Math.min(NAMED, known.ranked.length)}`);
    frame.toggleAttribute("data-all", view.all);
    for (const part of [...closable, now]) part.hidden = view.closed;
    say(scale, view.log ? "Linear scale" : "Log scale");
    table.style.setProperty("--cnb-top-p", `${100 * (view.settings.top_p ?? 1)}%`);
  });
  const key = (/** @type {string} */ name, /** @type {string} */ text) => h("span", {}, h("i", { "data-key": name }), text);
  const keys = { cut: key("cut", "cut"), ghost: key("ghost", "pinned A"), seen: key("seen", "drawn, with its 95 % interval"), stairs: key("stairs", "running sum, 0 to 100 % across; dotted: top p") };
  const legend = h("p", { class: "cnb-hint cnb-legend" }, key("p", "the model"), key("r", "after the settings"), ...Object.values(keys));
  const head = h("div", { class: "cnb-inline" }, legend, h("span", { class: "cnb-space" }), more, scale);
  const frame = h("div", { class: "cnb-frame" }, table);
  const draws = drawPanel(view);
  const closable = [legend, draws];
  return h("section", { class: "cnb-reply", "aria-label": "Probabilities" }, head, waiting, frame, draws);
}

/**
 * @typedef {{word: string, chosen: boolean, most: number, ghost: number | null, stairs: boolean, edge: boolean, cutOf?: string}} How
 * @param {LensView} view
 */
function row(view) {
  /** @type {Bar | null} */
  let bar = null;
  const force = button("", () => bar && bar.token >= 0 && view.write("force", { token: bar.token }), { class: "cnb-quiet cnb-pick" });
  const [model, now, drawn, interval] = [h("td", { class: "cnb-end" }), h("td", { class: "cnb-end" }), h("span"), h("span", { class: "cnb-sr" })];
  const seen = h("td", { class: "cnb-end" }, drawn, interval);
  const parts = { p: h("i", { class: "cnb-p" }), r: h("i", { class: "cnb-r" }), ghost: h("i", { class: "cnb-ghost" }), seen: h("i", { class: "cnb-seen" }), dot: h("i", { class: "cnb-dot" }), stairs: h("i", { class: "cnb-stairs" }) };
  const element = h("tr", {}, h("th", { scope: "row" }, force), h("td", { class: "cnb-track" }, h("div", {}, ...Object.values(parts))), model, now, seen);

  /** @param {Bar} next @param {How} how */
  function draw(next, how) {
    bar = next;
    const width = (/** @type {number} */ x) => `${(100 * length(x, how.most, view.log)).toFixed(2)}%`;
    say(force, how.word);
    force.disabled = next.token < 0 || Boolean(view.shut) || view.busy;
    force.title = next.token < 0 ? "" : view.shut || `Force “${how.word}” here: a new branch`;
    element.toggleAttribute("data-chosen", how.chosen);
    element.toggleAttribute("data-cut", Boolean(next.cut));
    element.toggleAttribute("data-edge", how.edge);
    element.toggleAttribute("data-others", next.token < 0);
    parts.p.style.width = width(next.p);
    parts.r.style.width = width(next.r);
    parts.ghost.hidden = how.ghost === null;
    parts.ghost.style.width = width(how.ghost ?? 0);
    parts.stairs.hidden = !how.stairs;
    Object.assign(parts.stairs.style, { left: `${100 * next.before}%`, width: `${100 * (next.after - next.before)}%` });
    element.toggleAttribute("data-stairs", how.stairs);
    say(model, percent(next.p));
    now.hidden = view.closed;
    parts.r.hidden = view.closed;
    say(now, next.cut ? (how.cutOf ?? `cut: ${next.cut}`) : `${percent(next.r)}${how.cutOf ? `, ${how.cutOf}` : ""}`);
    drawSeen(next, how.most);
  }

  /** @param {Bar} next @param {number} most */
  function drawSeen(next, most) {
    const { counts, n } = view.draws;
    const shown = n > 0 && next.token >= 0 && (next.r > 0 || counts.has(next.token));
    parts.seen.hidden = parts.dot.hidden = !shown;
    const count = next.token >= 0 ? (counts.get(next.token) ?? 0) : 0;
    const { low, high } = wilson(count, n);
    say(drawn, n > 0 && next.token >= 0 ? String(count) : "");
    say(interval, shown && n > 1 ? `, true share between ${percent(low)} and ${percent(high)}` : "");
    if (!shown) return;
    const at = (/** @type {number} */ x) => 100 * length(x, most, view.log);
    Object.assign(parts.seen.style, { left: `${at(low)}%`, width: `${Math.min(100, at(high)) - at(low)}%` });
    parts.dot.style.left = `${at(count / n)}%`;
    parts.dot.hidden = !count;
    parts.seen.hidden = n < 2;
  }
  return { element, draw };
}

/** Buttons that draw from the bars, and what came of it. @param {LensView} view */
function drawPanel(view) {
  const status = h("p", { class: "cnb-hint", role: "status" });
  const draw = (/** @type {number} */ n) => {
    const { sampled } = view;
    if (!sampled) return;
    const draws = view.currentDraws();
    const { counts, last } = drawMany(sampled.final, n, Math.random, draws.counts);
    view.draws = { counts, n: draws.n + n, last };
    view.redraw();
  };
  const clear = button("Clear", () => ((view.draws = { counts: new Map(), n: 0, last: null }), view.redraw()), { class: "cnb-quiet" });
  const buttons = [1, 100, 1000].map((n) => button(`Draw ${n.toLocaleString("en")}`, () => draw(n)));
  view.onRedraw(() => {
    clear.hidden = !view.draws.n;
    say(status, said(view));
  });
  return h("div", { class: "cnb-inline" }, ...buttons, clear, status);
}

/** @param {LensView} view */
function said(view) {
  const { counts, n, last } = view.draws;
  const { sampled } = view;
  if (!n || !last || !sampled) return "Draw from these bars, as the model does.";
  if (n === 1) return `The random number ${last.u.toFixed(4)} lands on “${view.word(last.token)}”.`;
  const drawable = Array.from(sampled.final, (r, token) => ({ r, token })).filter(({ r }) => r * n >= 5);
  const inside = drawable.filter(({ r, token }) => {
    const { low, high } = wilson(counts.get(token) ?? 0, n);
    return low <= r && r <= high;
  });
  const widest = Math.max(0, ...drawable.map(({ r, token }) => Math.abs((counts.get(token) ?? 0) / n - r)));
  return `${n.toLocaleString("en")} drawn, ${counts.size} different ${view.noun}s; ${inside.length} of ${drawable.length} larger bars lie in their interval, the farthest is off by ${(100 * widest).toFixed(1)} points.`;
}

/** The last words of a long text. @param {string} text */
const tail = (text) => (text.length > 60 ? `…${text.slice(-58)}` : text).trim();
