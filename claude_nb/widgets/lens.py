"""The sampling lens: the probabilities behind each word of a text.

It also shows what each setting does to them. Only the demo model can be shown, because no Claude API reports
probabilities. The front end handles the sliders by itself and asks the kernel only for new text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

from IPython.core.getipython import get_ipython
from IPython.display import publish_display_data

from claude_nb import demo
from claude_nb.demo.sampling import Order, shape
from claude_nb.errors import ClaudeError, PromptError
from claude_nb.render import reply
from claude_nb.render.chars import terminal_safe, write_out
from claude_nb.render.table import Table
from claude_nb.session import options
from claude_nb.storage import places
from claude_nb.sweeps.first_words import Measured, measure
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.widgets import lens_branches, lens_html
from claude_nb.widgets.lens_branches import Branch, BranchTree, Settings
from claude_nb.widgets.lens_traits import SETTINGS, LensTraits

DEFAULT_TOKENS, MOST_TOKENS = 60, 200
MAX_STEPS = 400  # whose probabilities one message may request
DEMO_ONLY = (
    "the lens shows only the demo model, because no Claude API reports probabilities; "
    "count real answers with claude_nb.Lens.measure(prompt, n=30)"
)


class Lens(LensTraits):
    """Widget that shows the demo model's probabilities at each word.

    Sliders show what temperature, top_k and top_p do to them. A click on another word starts a new branch.

    Args:
        prompt: A text, or a Reply or a Request of the demo model.
        temperature: From 0 to 2, or None for the model's own probabilities.
        top_k: Keep this many words, at least 1; None keeps all.
        top_p: Keep the most likely words with this total probability, above 0 to 1; None keeps all.
        order: "temperature_first" (Hugging Face) or "temperature_last" (llama.cpp).
        seed: The same seed and settings give the same text; None takes the one of the request, or 0.
        max_tokens: Length of the text in tokens, 1 to 200; None takes the one of the request, or 60.
        system: A system prompt, if the prompt is a text.
        model: A model that demo.train() made, or None for the built-in one.

    Raises:
        PromptError: If a setting is out of range, or the reply is not from the demo model.

    Example:
        >>> lens = Lens("Once upon a time there was a", seed=1)     # doctest: +SKIP
        >>> lens.text, lens.steps[0].p                              # doctest: +SKIP
    """

    def __init__(  # noqa: PLR0913 - a public class: each parameter is named where it is used
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
            default = demo.TEMPERATURE if sampling.temperature is None else sampling.temperature
            temperature = default if temperature is None else temperature
            top_k = sampling.top_k if top_k is None else top_k
            top_p = sampling.top_p if top_p is None else top_p
        limit = (sampling.max_tokens or DEFAULT_TOKENS) if max_tokens is None else max_tokens
        trained = model is not None
        super().__init__(temperature=temperature, top_k=top_k, top_p=top_p, order=order)
        first_seed = seed if seed is not None else sampling.seed if sampling.seed is not None else 0
        options.check("seed", first_seed)
        if not 1 <= options.check("max_tokens", limit) <= MOST_TOKENS:
            raise PromptError(f"max_tokens goes from 1 to {MOST_TOKENS} in the lens, not {limit}")
        self._tree = BranchTree(model or demo.model(), request, max_tokens=limit, seed=first_seed)
        self._fallback_id: str | None = None
        self.set_trait("uid", uuid4().hex[:12])
        self.set_trait("prompt", request.prompt)
        self.set_trait("badge", "A model trained on your own text, not Claude" if trained else reply.DEMO_BADGE)
        self.set_trait("vocabulary", list(self._tree.words))
        if isinstance(prompt, Reply) and seed is None and sampling.seed is None:
            self._show(self._tree.write_text(prompt.text, self._settings, ended=prompt.stop_reason == "end"))
        else:
            self._show(self._tree.write(self._settings))
        self.on_msg(self._receive)

    @classmethod
    def measure(cls, prompt: str, n: int = 30, **options: Any) -> Measured:
        """Ask a real model n times and count the first words of its answers.

        The counts are frequencies, not probabilities. The possible cost is shown before anything is sent.

        Args:
            prompt: The text to send.
            n: Number of answers.
            **options: The options of claude_nb.ask(), budget_usd, max_tokens, and quiet to show nothing.

        Returns:
            The words with their counts: `Lens.measure("Name an animal.", n=30).share("Fox")`.

        Raises:
            ConfigError: If the calls could cost more than the budget, one dollar unless budget_usd is set.
        """
        return measure(prompt, n, **options)

    @property
    def now(self) -> Branch:
        """The branch that is displayed."""
        return self._tree.branch(self.branch)

    @property
    def steps(self) -> tuple[demo.Step, ...]:
        """The steps of the displayed branch, one for each word; see claude_nb.demo.Step."""
        return self.now.steps

    @property
    def text(self) -> str:
        """The text of the displayed branch."""
        return self.now.text

    def table(self, step: int | None = None, *, top: int = 15) -> Table:
        """Return the most likely words at a step, as the bars show them.

        Args:
            step: Number of the step, from 0; None is the selected one.
            top: Number of words.

        Returns:
            Rows with word, model (its probability), final (after the settings) and cut (None, "top_k" or "top_p"):
            `lens.table(0)[0]["word"]`.
        """
        p = self.steps[self.step if step is None else step].p
        sampled = shape(p, temperature=self.temperature, top_k=self.top_k, top_p=self.top_p, order=self.order)
        ranked = sorted(range(len(p)), key=p.__getitem__, reverse=True)[:top]
        return Table(
            {
                "word": lens_branches.visible(self._tree.words[token]),
                "model": p[token],
                "final": sampled.final[token],
                "cut": sampled.cut[token],
            }
            for token in ranked
        )

    def force(self, step: int, word: str) -> Branch:
        """Start a new branch with another word at a step.

        The later words are drawn with the same random numbers.

        Args:
            step: Number of the step, from 0.
            word: A word of the model's vocabulary.

        Returns:
            The new branch: `lens.force(3, "dragon").text`.

        Raises:
            PromptError: If there is no such step or word.
        """
        return self._show(self._tree.force(self.now, step, self._tree.token(word), self._settings), step)

    def redraw(self, step: int = 0) -> Branch:
        """Start a new branch at a step, with new random numbers.

        Args:
            step: Number of the step, from 0.

        Returns:
            The new branch: `lens.redraw(3).text`.

        Raises:
            PromptError: If there is no such step.
        """
        return self._show(self._tree.redraw(self.now, step, self._settings), step)

    def rerun(self) -> Branch:
        """Return a new branch: the whole text with the current settings and the same seed."""
        return self._show(self._tree.write(self._settings, seed=self.now.seed), self.step)

    def to_html(self, path: str | Path) -> Path:
        """Save the lens as one web page that works without Python and without a network.

        Args:
            path: The file to write. An existing file is replaced.

        Returns:
            The path of the file: `lens.to_html("lens.html")`.
        """
        arrays = {number: lens_branches.packed(step) for number, step in self._tree.by_id.items()}
        about = {number: lens_branches.details(step) for number, step in self._tree.by_id.items()}
        traits = {name: getattr(self, name) for name in self.keys if name in LensTraits.class_own_traits()}
        target = Path(path).expanduser()
        with places.replacing(target) as new:
            new.write_text(lens_html.stand_alone(traits, arrays, about), encoding="utf-8")
        return target

    def __repr__(self) -> str:
        return terminal_safe(f"Lens({self.prompt!r:.60}, {len(self.steps)} words, {len(self.branches)} branches)")

    def _ipython_display_(self) -> None:
        shell = get_ipython()
        if getattr(shell, "kernel", None) is None:
            write_out(lens_html.plain(self.now, self._tree.words) + "\n")
            return
        publish_display_data(*(self._repr_mimebundle_() or ({}, {})))
        self._fallback_id = f"claude-nb-{self.uid}-{uuid4().hex[:6]}"
        self._publish_fallback(update=False)

    def _publish_fallback(self, *, update: bool) -> None:
        bundle = lens_html.bundle(self.now, self._tree.words, self.prompt, self.badge, f"cnb-transcript-{self.uid}")
        publish_display_data(bundle, {}, transient={"display_id": self._fallback_id}, update=update)

    @property
    def _settings(self) -> Settings:
        return Settings(self.temperature, self.top_k, self.top_p, self.order)

    def _show(self, branch: Branch, step: int = 0) -> Branch:
        with self.hold_sync():
            self.set_trait("branches", [lens_branches.outline(branch) for branch in self._tree.branches])
            self.branch = branch.number
            self.step = min(step, len(branch.steps) - 1)
            # Before the page hears of the branch: a notebook that is saved as soon as the page shows it must hold it.
            if self._fallback_id:
                self._publish_fallback(update=True)
        return branch

    # Nothing that the front end sends is trusted.

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
            self.branch = self._tree.branch(number).number
            if kind == "rerun":
                self.rerun()
            elif kind == "redraw" and isinstance(at, int):
                self.redraw(at)
            elif isinstance(at, int) and isinstance(token := message.get("token"), int):
                self._show(self._tree.force(self.now, at, token, self._settings), at)
        except ClaudeError as error:
            self.send({"t": "failed", "why": str(error)})

    def _send_arrays(self, numbers: list[Any]) -> None:
        known = [number for number in numbers if isinstance(number, int) and number in self._tree.by_id][:MAX_STEPS]
        steps = [self._tree.by_id[number] for number in known]
        message = {"t": "arrays", "ids": known, "about": [lens_branches.details(step) for step in steps]}
        self.send(message, [lens_branches.packed(step) for step in steps])


def _request(prompt: str | Reply | Request, system: str | None) -> Request:
    """Return the request to the demo model.

    Raises PromptError for one to another model.
    """
    if isinstance(prompt, Reply):
        prompt = prompt.request
    if isinstance(prompt, Request):
        if prompt.provider != "demo":
            raise PromptError(DEMO_ONLY)
        return prompt
    if not isinstance(prompt, str) or not prompt.strip():
        raise PromptError("the lens needs a prompt: Lens('Once upon a time')")
    return Request("demo", "demo", (Message("user", prompt),), system=system)
