"""The sampling lens: every word of a text, the probabilities it was drawn from, and what each setting does to them.

It shows the demo model, the only one here whose probabilities can be seen. The front end does all that a slider does;
the kernel is asked for new text only.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import anywidget
import traitlets as t
from IPython.core.getipython import get_ipython
from IPython.display import publish_display_data

from claude_nb import demo
from claude_nb.demo.sampling import Order, shape
from claude_nb.errors import ClaudeError, PromptError
from claude_nb.render import reply
from claude_nb.session import options as knobs
from claude_nb.sweeps.first_words import Measured, measure
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.widgets import lens_branches, lens_html
from claude_nb.widgets.controls import BadSetting
from claude_nb.widgets.lens_branches import Branch, BranchTree, Settings

STATIC = Path(__file__).parent.parent / "static"
SETTINGS = ("temperature", "top_k", "top_p", "order")
ORDERS = ("temperature_first", "temperature_last")
USUAL_TOKENS, MOST_TOKENS = 60, 200
MAX_ASKED = 400  # steps whose probabilities one message may ask for
NOT_SEEN = (
    "the lens shows the demo model; no Claude API tells its probabilities, so count real answers instead: "
    "claude_nb.Lens.measure(prompt, n=30)"
)


class Lens(anywidget.AnyWidget):
    """The demo model's probabilities at each word, and what temperature, top_k and top_p make of them.

    prompt       a text, or a Reply of the demo model
    temperature, top_k, top_p   None: off, the model's own probabilities
    order        "temperature_first" (Hugging Face) or "temperature_last" (llama.cpp)
    seed         same seed and settings, same text        max_tokens  the text ends after so many words
    model        a model of your own, made by demo.train()

    >>> lens = Lens("Once upon a time there was a", seed=1)     # doctest: +SKIP
    >>> lens.text, lens.steps[0].p                              # doctest: +SKIP
    """

    _esm = STATIC / "lens.js"
    _css = STATIC / "lens.css"

    uid = t.Unicode(read_only=True).tag(sync=True)
    prompt = t.Unicode(read_only=True).tag(sync=True)
    badge = t.Unicode(read_only=True).tag(sync=True)
    vocabulary: t.List[str] = t.List(t.Unicode(), read_only=True).tag(sync=True)
    branches: t.List[Any] = t.List(read_only=True).tag(sync=True)
    live = t.Bool(True, read_only=True).tag(sync=True)
    temperature = t.Any(None).tag(sync=True)
    top_k = t.Any(None).tag(sync=True)
    top_p = t.Any(None).tag(sync=True)
    order: t.Enum[Any] = t.Enum(ORDERS, "temperature_first").tag(sync=True)
    branch = t.Int(1).tag(sync=True)
    step = t.Int(0).tag(sync=True)

    def __init__(
        self,
        prompt: str | Reply | Request,
        *,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        order: Order = "temperature_first",
        seed: int | None = None,
        max_tokens: int | None = None,
        system: str | None = None,
        model: demo.DemoModel | None = None,
    ) -> None:
        request = _request(prompt, system)
        sampling = request.sampling
        if isinstance(prompt, Reply):
            usual = demo.TEMPERATURE if sampling.temperature is None else sampling.temperature
            temperature = usual if temperature is None else temperature
            top_k = sampling.top_k if top_k is None else top_k
            top_p = sampling.top_p if top_p is None else top_p
        limit = (sampling.max_tokens or USUAL_TOKENS) if max_tokens is None else max_tokens
        given = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "order": order}
        trained = model is not None
        super().__init__(**given)
        begin = seed if seed is not None else sampling.seed if sampling.seed is not None else 0
        knobs.check("seed", begin)
        if not 1 <= knobs.check("max_tokens", limit) <= MOST_TOKENS:
            raise PromptError(f"max_tokens goes from 1 to {MOST_TOKENS} in the lens, not {limit}")
        self._story = BranchTree(model or demo.model(), request, max_tokens=limit, seed=begin)
        self._fallback_id: str | None = None
        self.set_trait("uid", uuid4().hex[:12])
        self.set_trait("prompt", request.prompt)
        self.set_trait("badge", "A model trained on your own text, not Claude" if trained else reply.DEMO_BADGE)
        self.set_trait("vocabulary", list(self._story.words))
        if isinstance(prompt, Reply) and seed is None and sampling.seed is None:
            self._show(self._story.retell(prompt.text, self._settings, ended=prompt.stop_reason == "end"))
        else:
            self._show(self._story.write(self._settings))
        self.on_msg(self._receive)

    @classmethod
    def measure(cls, prompt: str, n: int = 30, **options: Any) -> Measured:
        """Ask a real model n times and count the first words: frequencies, not probabilities. See measured.measure."""
        return measure(prompt, n, **options)

    @property
    def now(self) -> Branch:
        """The branch on show."""
        return self._story.branch(self.branch)

    @property
    def steps(self) -> tuple[demo.Step, ...]:
        """What led to each word of the branch on show: see claude_nb.demo.Step."""
        return self.now.steps

    @property
    def text(self) -> str:
        """What the model wrote on the branch on show."""
        return self.now.text

    def table(self, step: int | None = None, *, top: int = 15) -> list[dict[str, Any]]:
        """The likeliest words at a step, as the bars show them: word, model, final, cut (None, top_k or top_p)."""
        p = self.steps[self.step if step is None else step].p
        sampled = shape(p, temperature=self.temperature, top_k=self.top_k, top_p=self.top_p, order=self.order)
        ranked = sorted(range(len(p)), key=p.__getitem__, reverse=True)[:top]
        return [
            {
                "word": lens_branches.shown(self._story.words[token]),
                "model": p[token],
                "final": sampled.final[token],
                "cut": sampled.cut[token],
            }
            for token in ranked
        ]

    def force(self, step: int, word: str) -> Branch:
        """Another word at this step: a new branch, written on with the same random numbers."""
        return self._show(self._story.force(self.now, step, self._story.token(word), self._settings), step)

    def redraw(self, step: int = 0) -> Branch:
        """Rewind to this step and draw on from there anew: a new branch."""
        return self._show(self._story.redraw(self.now, step, self._settings), step)

    def rerun(self) -> Branch:
        """The whole text again with the settings as they are now, on the same seed: a new branch."""
        return self._show(self._story.write(self._settings, seed=self.now.seed), self.step)

    def to_html(self, path: str | Path) -> Path:
        """Save the lens as one page that works without Python and without a network: hand it to a class."""
        arrays = {number: lens_branches.packed(step) for number, step in self._story.by_id.items()}
        about = {number: lens_branches.details(step) for number, step in self._story.by_id.items()}
        traits = {name: getattr(self, name) for name in self.keys if name in Lens.class_own_traits()} | {"live": False}
        page = lens_html.stand_alone(traits, arrays, about, self._esm_text("lens.js"), self._esm_text("lens.css"))
        target = Path(path).expanduser()
        target.write_text(page, encoding="utf-8")
        return target

    def __repr__(self) -> str:
        return f"Lens({self.prompt!r:.60}, {len(self.steps)} words, {len(self.branches)} branches)"

    def _ipython_display_(self) -> None:
        shell = get_ipython()
        if getattr(shell, "kernel", None) is None:
            sys.stdout.write(lens_html.plain(self.now, self._story.words) + "\n")
            return
        publish_display_data(*(self._repr_mimebundle_() or ({}, {})))
        self._fallback_id = f"claude-nb-{self.uid}-{uuid4().hex[:6]}"
        self._publish_fallback(update=False)

    def _publish_fallback(self, *, update: bool) -> None:
        bundle = lens_html.bundle(self.now, self._story.words, self.prompt, self.badge, f"cnb-transcript-{self.uid}")
        publish_display_data(bundle, {}, transient={"display_id": self._fallback_id}, update=update)

    @staticmethod
    def _esm_text(name: str) -> str:
        return (STATIC / name).read_text(encoding="utf-8")

    @property
    def _settings(self) -> Settings:
        return Settings(self.temperature, self.top_k, self.top_p, self.order)

    def _show(self, branch: Branch, step: int = 0) -> Branch:
        with self.hold_sync():
            self.set_trait("branches", [lens_branches.outline(one) for one in self._story.branches])
            self.branch = branch.number
            self.step = min(step, len(branch.steps) - 1)
        if self._fallback_id:
            self._publish_fallback(update=True)
        return branch

    @t.validate("temperature", "top_k", "top_p")
    def _valid_setting(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        try:
            value = knobs.check(name, value)
        except ClaudeError as error:
            raise BadSetting(str(error)) from None
        if name == "temperature" and value is not None and value > 2:
            raise BadSetting(f"temperature goes from 0 to 2 in the lens, not {value:g}")
        return value

    # From the front end: nothing of it is trusted.

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Traits from the front end, one by one; what does not pass is put back there."""
        for name, value in sync_data.items():
            if name in (*SETTINGS, "branch", "step"):
                try:
                    super().set_state({name: value})
                    continue
                except t.TraitError:
                    pass
            if name in self.keys:
                self.send_state(name)

    def _receive(self, _widget: object, message: object, _buffers: object) -> None:
        if not isinstance(message, dict):
            return
        kind, at, number = message.get("t"), message.get("at"), message.get("branch")
        if kind == "arrays" and isinstance(message.get("ids"), list):
            self._send_arrays(message["ids"])
            return
        if kind not in ("force", "redraw", "rerun") or not isinstance(number, int):
            return
        if isinstance(settings := message.get("settings"), dict):
            self.set_state({name: value for name, value in settings.items() if name in SETTINGS})
        try:
            self.branch = self._story.branch(number).number
            if kind == "rerun":
                self.rerun()
            elif kind == "redraw" and isinstance(at, int):
                self.redraw(at)
            elif isinstance(at, int) and isinstance(token := message.get("token"), int):
                self._show(self._story.force(self.now, at, token, self._settings), at)
        except ClaudeError as error:
            self.send({"t": "failed", "why": str(error)})

    def _send_arrays(self, asked: list[Any]) -> None:
        known = [number for number in asked if isinstance(number, int) and number in self._story.by_id][:MAX_ASKED]
        steps = [self._story.by_id[number] for number in known]
        message = {"t": "arrays", "ids": known, "about": [lens_branches.details(step) for step in steps]}
        self.send(message, [lens_branches.packed(step) for step in steps])


def _request(prompt: str | Reply | Request, system: str | None) -> Request:
    """What the demo model is asked; what was asked of another model cannot be looked into."""
    asked = prompt.request if isinstance(prompt, Reply) else prompt
    if isinstance(asked, Request):
        if asked.provider != "demo":
            raise PromptError(NOT_SEEN)
        return asked
    if not isinstance(asked, str) or not asked.strip():
        raise PromptError("the lens needs a prompt: Lens('Once upon a time')")
    return Request("demo", "demo", (Message("user", asked),), system=system)
