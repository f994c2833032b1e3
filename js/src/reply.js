// @ts-check
// The reply on show, running or finished: its text, its thinking, its footer, and its buttons.

/** @import {Run, View} from "./view.js" */

import { brief, findModel } from "./controls.js";
import { button, copy, copyButton, h, say } from "./dom.js";
import { canInsert, insertBelow } from "./host.js";
import { showHtml } from "./html.js";
import { togglePin } from "./runs.js";
import { magicCell, pythonCall } from "./snippet.js";

/** A reply that is scrolled this near to its end is followed as it grows. */
const NEAR_PX = 40;
/** Drawing may take this share of the time, so that the page stays responsive. */
const BUSY_SHARE = 0.2;
/** With reduced motion the text changes twice a second. */
const CALM_MS = 500;

/** @param {View} view */
export function replyCard(view) {
  const title = h("span", { class: "cnb-title" });
  const chips = h("span", { class: "cnb-chips" });
  const rate = h("span", { class: "cnb-rate" });
  const thought = h("div", { class: "cnb-thought" });
  const thinking = h("details", { class: "cnb-thinking", hidden: true }, h("summary", {}, "Thinking"), thought);
  // In JupyterLab the second class gives a reply the look that it has in a cell.
  const text = h("div", { class: "cnb-md jp-RenderedHTMLCommon" });
  const sure = h("div", { class: "jp-RenderedHTMLCommon" });
  const placeholder = h("p", { class: "cnb-empty" }, "The reply appears here.");
  const notice = h("p", { class: "cnb-notice", hidden: true });
  const scroll = h("div", { class: "cnb-scroll", tabindex: "0", role: "region", "aria-label": "Reply" }, thinking, text, sure, placeholder, notice);
  const jump = button("Jump to latest", () => toEnd(scroll), { class: "cnb-jump", hidden: true });
  const error = h("p", { class: "cnb-problem", hidden: true });
  const footer = h("p", { class: "cnb-footer" });
  const tools = actions(view);
  const status = h("p", { class: "cnb-sr", role: "status" });
  const near = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_PX;
  scroll.addEventListener("scroll", () => (jump.hidden = near() || !view.busy), { passive: true });

  function draw() {
    const run = view.run;
    const live = !run;
    const { stream } = view;
    const pages = live ? stream.pages : [run.html];
    const thoughts = live ? stream.thinking : run.thinking;
    const empty = !pages.some(Boolean) && !thoughts;
    const follow = near();
    showHtml(text, pages);
    showHtml(sure, run?.sure ? [run.sure] : []);
    if (thought.textContent !== thoughts) thought.textContent = thoughts;
    thinking.hidden = !thoughts;
    text.setAttribute("aria-busy", String(live && view.busy));
    text.classList.toggle("cnb-live", live && view.busy);
    placeholder.hidden = !empty || view.busy || Boolean(run?.error);
    say(notice, live ? stream.notice || (view.busy && empty ? "Waiting for the first word…" : "") : "");
    notice.hidden = !notice.textContent;
    say(rate, live && view.busy && stream.rate !== null ? `≈ ${Math.round(stream.rate)} tokens/s` : "");
    if (live && view.busy && follow) toEnd(scroll);
    jump.hidden = !(live && view.busy) || near();
    heading(run);
    error.hidden = !run?.error;
    error.replaceChildren(...(run?.error ? [h("span", {}, run.error), button("Try again", () => view.start())] : []));
    say(footer, run?.footer ?? "");
    tools.draw(run?.text ? run : null);
  }

  /** @param {Run | null} run */
  function heading(run) {
    const model = findModel(view.catalogue, run?.model ?? view.settings.model);
    say(title, run ? `#${run.run} ${run.label}` : view.busy ? `#${view.stream.run} ${model.label}` : "");
    const set = Object.entries(run?.params ?? {}).map(([name, value]) => brief(name, value));
    const shown = run && !set.length ? ["model defaults"] : set;
    if (chips.textContent !== shown.join("")) chips.replaceChildren(...shown.map((one) => h("span", { class: "cnb-chip" }, one)));
  }

  let phase = view.stream.phase;
  function announce() {
    const now = view.stream.phase;
    if (now === phase) return;
    if (phase === "idle") say(status, "Generating a reply");
    if (now === "idle") say(status, summary(view));
    phase = now;
  }

  schedule(view, draw);
  view.onRedraw(draw);
  view.signal.addEventListener("abort", view.stream.subscribe(announce));
  const head = h("div", { class: "cnb-reply-head" }, title, chips, h("span", { class: "cnb-space" }), rate);
  return h("section", { class: "cnb-reply", "aria-label": "Reply" }, head, h("div", { class: "cnb-stage" }, scroll, jump), error, footer, tools.element, status);
}

/** How the newest run ended, for screen readers. @param {View} view */
function summary(view) {
  const run = view.history.find((one) => one.run === view.stream.run);
  const count = (run?.text ?? "").split(/\s+/).filter(Boolean).length;
  return run?.error ? `The run failed: ${run.error}` : `Reply ${run?.stop ?? "finished"}, ${count} words`;
}

/** Draw once per frame at most, and less often when drawing is slow. @param {View} view @param {() => void} draw */
function schedule(view, draw) {
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  let planned = false;
  let next = 0;
  const frame = () => {
    planned = false;
    if (view.signal.aborted) return;
    const began = performance.now();
    draw();
    const took = performance.now() - began;
    next = began + Math.max(calm.matches ? CALM_MS : 0, took / BUSY_SHARE);
  };
  const plan = () => {
    if (planned) return;
    planned = true;
    const wait = view.busy ? next - performance.now() : 0;
    if (wait > 16) setTimeout(() => requestAnimationFrame(frame), wait);
    else requestAnimationFrame(frame);
  };
  view.signal.addEventListener("abort", view.stream.subscribe(plan));
}

/** @param {Element} scroll */
function toEnd(scroll) {
  scroll.scrollTop = scroll.scrollHeight;
}

/** @param {View} view */
function actions(view) {
  /** @type {Run | null} */
  let run = null;
  let kind = "magic";
  const code = h("code");
  const settings = () => ({ ...view.settings, ...cleared(view), ...run?.params, provider: run?.provider ?? null, model: run?.model ?? null, system: run?.system ?? null });
  const cell = () => (run ? magicCell(view.catalogue, settings(), run.prompt, run.variable) : "");
  const source = () => (run ? ((kind === "magic" && cell()) || pythonCall(settings(), run.prompt, run.variable)) : "");
  const tabs = ["magic", "python"].map((name) =>
    button(name === "magic" ? "%%claude cell" : "Python", () => ((kind = name), show()), { class: "cnb-pill" }),
  );
  const insert = button("Insert below", async () => {
    const done = await insertBelow(panel, source());
    if (!done) say(insert, "Not possible here: copy instead");
  });
  const panel = h("div", { class: "cnb-code", hidden: true }, h("div", { class: "cnb-inline" }, ...tabs, h("span", { class: "cnb-space" }), copyButton("Copy code", source), insert), h("pre", { tabindex: "0" }, code));
  const get = button("Get code", () => ((panel.hidden = !panel.hidden), show()), { "aria-expanded": "false" });
  const pin = button("Pin", () => run && togglePin(view, run.run));
  const use = button("Use these settings", () => {
    if (run) view.keep({ ...settings(), prompt: run.prompt });
  });
  // The lens sees all probabilities of a model here, and of any other reply what its server told.
  const lens = () => (["demo", "local"].includes(run?.provider ?? "") ? "Lens" : run?.sure ? "Lens.from_reply" : "");
  const look = button("Open in the lens", async () => {
    const cell = `import claude_nb\n\nclaude_nb.${lens()}(${run?.variable ?? "reply"})`;
    const done = await insertBelow(panel, cell);
    say(look, done ? "Now run the new cell: Shift+Enter" : (await copy(cell)) ? "Copied: paste it into a cell" : `Run claude_nb.${lens()}(reply)`);
    setTimeout(() => say(look, "Open in the lens"), 5000);
  });
  const bar = h("div", { class: "cnb-actions" }, copyButton("Copy", () => run?.text ?? ""), get, pin, use, look);
  const element = h("div", { hidden: true }, bar, panel);

  function show() {
    get.setAttribute("aria-expanded", String(!panel.hidden));
    if (kind === "magic" && !cell()) kind = "python";
    tabs[0].disabled = !cell();
    for (const [index, tab] of tabs.entries()) tab.setAttribute("aria-pressed", String((kind === "magic") === (index === 0)));
    insert.hidden = !canInsert(panel);
    say(code, source());
  }

  /** @param {Run | null} next */
  function draw(next) {
    run = next;
    element.hidden = !run;
    if (!run) return;
    for (const one of [get, use]) {
      one.disabled = run.cut; // only part of a very long prompt is kept here
      one.title = run.cut ? "the prompt is too long to be kept in the page" : "";
    }
    look.hidden = !lens() || run.run !== view.history.findLast((one) => one.variable === run?.variable)?.run;
    pin.setAttribute("aria-pressed", String(view.pinned.includes(run.run)));
    say(pin, view.pinned.includes(run.run) ? "Unpin" : "Pin to compare");
    if (!panel.hidden) show();
  }
  return { element, draw };
}

/** Every setting off. @param {View} view */
const cleared = (view) => Object.fromEntries(Object.keys(view.settings).map((name) => [name, null]));
