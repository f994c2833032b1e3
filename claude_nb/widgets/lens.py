"""The sampling lens: the probabilities behind each word of a text.

It also shows what each setting does to them. It sees all probabilities of the demo model and of a model on this
machine, and of any other reply what its server told. The front end handles the sliders by itself and asks the kernel
only for new text.
"""

from __future__ import annotations

from heapq import nlargest
from pathlib import Path
from typing import Any
from uuid import uuid4

from IPython.core.getipython import get_ipython
from IPython.display import publish_display_data

from claude_nb import demo
from claude_nb.demo.sampling import Order, shape
from claude_nb.errors import PromptError
from claude_nb.render.chars import terminal_safe, write_out
from claude_nb.render.table import Table
from claude_nb.session import options
from claude_nb.storage import places
from claude_nb.sweeps.first_words import Measured, measure
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request
from claude_nb.widgets import lens_branches, lens_html, lens_open
from claude_nb.widgets.lens_branches import Branch, BranchTree
from claude_nb.widgets.lens_models import SETTINGS, LensModel, Settings
from claude_nb.widgets.lens_reply import ReplyLens
from claude_nb.widgets.lens_traits import LensTraits


class Lens(LensTraits):
    """Widget that shows a model's probabilities at each word.

    Sliders show what temperature, top_k, top_p and min_p do to them. A click on another word starts a new branch.

    Args:
        prompt: A text, or a Reply or a Request of the demo model or a local one.
        temperature: From 0 to 2, or None for the model's own probabilities.
        top_k: Keep this many words, at least 1; None keeps all.
        top_p: Keep the most likely words with this total probability, above 0 to 1; None keeps all.
        min_p: Keep the words that are at least this share as likely as the most likely one, 0 to 1; None keeps all.
        order: "temperature_first" (Hugging Face, and local models here) or "temperature_last" (llama.cpp).
        seed: The same seed and settings give the same text; None takes the one of the request, or 0.
        max_tokens: Length of the text in tokens, 1 to 200 (a local model: 40); None takes the one of the request, or
            60 (a local model: 8).
        system: A system prompt, if the prompt is a text.
        model: A model that demo.train() made, or the name or file of a local one; None for the usual one.
        provider: "demo" or "local"; None takes the one of the request, or demo. A local model continues a text as it
            stands, unless there is a system prompt.

    Raises:
        PromptError: If a setting is out of range, or the model tells no probabilities.
        ConfigError: If the local model or its engine is not on this machine.

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
        min_p: float | None = None,
        order: Order = "temperature_first",
        seed: int | None = None,
        max_tokens: int | None = None,
        system: str | None = None,
        model: demo.DemoModel | str | None = None,
        provider: str | None = None,
    ) -> None:
        found = lens_open.opened(prompt, model, system, provider)
        super().__init__(**found.settings(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p), order=order)
        self._is_chat = found.is_chat
        self._fallback_id: str | None = None
        self.set_trait("uid", uuid4().hex[:12])
        self.set_trait("prompt", found.request.prompt)
        self.set_trait("providers", [list(pair) for pair in found.providers.items()])
        self._max_tokens = max_tokens
        tree = self._tree_of(found.model, found.request, max_tokens, seed)
        known = found.reply if seed is None and found.request.sampling.seed is None else None
        ended = known is not None and known.stop_reason == "end"
        branch = tree.write_text(known.text, self._settings, ended=ended) if known else tree.write(self._settings)
        self._open(tree, branch)
        self.on_msg(self._receive)

    def _tree_of(self, model: LensModel, request: Request, max_tokens: int | None, seed: int | None) -> BranchTree:
        limit = (request.sampling.max_tokens or model.usual) if max_tokens is None else max_tokens
        seed = seed if seed is not None else request.sampling.seed or 0
        options.check("seed", seed)
        options.check("max_tokens", limit)
        if max_tokens is None:
            limit = min(limit, model.most)
        if not 1 <= limit <= model.most:
            raise PromptError(f"max_tokens goes from 1 to {model.most} in the lens, not {limit}")
        return BranchTree(model, request, max_tokens=limit, seed=seed, before=getattr(self, "_tree", None))

    def _open(self, tree: BranchTree, branch: Branch) -> Branch:
        """Show another model, once its text is written."""
        with self.hold_sync():
            self._tree = tree
            for name in ("provider", "badge", "size"):
                self.set_trait(name, getattr(tree.model, name))
            self.set_trait("vocabulary", list(tree.model.words))
            return self._show(branch)

    @classmethod
    def from_reply(cls, reply: Reply) -> Lens:
        """Open a reply of any model that has reply.tokens, token by token.

        What the server did not tell is drawn as "not told".

        Args:
            reply: A reply that was asked for with logprobs.

        Returns:
            The lens: `Lens.from_reply(claude_nb.ask("Hi", provider="demo", logprobs=5))`.

        Raises:
            PromptError: If the reply has no tokens.
        """
        return cls(reply, model=ReplyLens(reply))  # type: ignore[arg-type]  # not for callers

    def use(self, provider: str) -> Branch:
        """Show the same prompt on another model.

        Args:
            provider: "demo" or "local".

        Returns:
            The new text, as the first branch: `lens.use("local").text`.

        Raises:
            ConfigError: If the local model or its engine is not on this machine.
        """
        model, request = lens_open.switched(self._tree.request, provider, is_chat=self._is_chat)
        limit = self._max_tokens and min(self._max_tokens, model.most)
        tree = self._tree_of(model, request, limit, self._tree.seed)
        return self._open(tree, tree.write(self._settings))

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
            Rows with word, model (its probability), final (after the settings; None for a reply of which only a part
            is known) and cut (None, or the setting that removed it): `lens.table(0)[0]["word"]`.
        """
        model, at = self._tree.model, self.steps[self.step if step is None else step]
        p, values = at.p, {name: getattr(self, name) for name in SETTINGS}
        sampled = shape(p, **values)
        ranked = nlargest(top, range(len(p)), key=p.__getitem__)
        return Table(
            {
                "word": model.name(at, token),
                "model": p[token],
                "final": None if model.size is None else sampled.final[token],
                "cut": sampled.cut[token],
            }
            for token in ranked
        )

    def force(self, step: int, word: str) -> Branch:
        """Start a new branch with another word at a step.

        The later words are drawn with the same random numbers.

        Args:
            step: Number of the step, from 0.
            word: A word of the model's vocabulary, with or without the space before it.

        Returns:
            The new branch: `lens.force(3, "dragon").text`.

        Raises:
            PromptError: If there is no such step or word.
        """
        place = self._tree.model.place(self._tree.step(self.now, step), word)
        return self._show(self._tree.force(self.now, step, place, self._settings), step)

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
        arrays = {number: self._tree.model.packed(step) for number, step in self._tree.by_id.items()}
        about = {number: self._tree.model.about(step) for number, step in self._tree.by_id.items()}
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
            write_out(lens_html.plain(self.now, self._tree.model) + "\n")
            return
        publish_display_data(*(self._repr_mimebundle_() or ({}, {})))
        self._fallback_id = f"claude-nb-{self.uid}-{uuid4().hex[:6]}"
        self._publish_fallback(update=False)

    def _publish_fallback(self, *, update: bool) -> None:
        bundle = lens_html.bundle(self.now, self._tree.model, self.prompt, f"cnb-transcript-{self.uid}")
        publish_display_data(bundle, {}, transient={"display_id": self._fallback_id}, update=update)

    @property
    def _settings(self) -> Settings:
        return Settings(**{name: getattr(self, name) for name in SETTINGS})

    def _show(self, branch: Branch, step: int = 0) -> Branch:
        with self.hold_sync():
            self.set_trait(
                "branches", [lens_branches.outline(branch, self._tree.model) for branch in self._tree.branches]
            )
            self.branch = branch.number
            self.step = min(step, len(branch.steps) - 1)
            # Before the page hears of the branch: a notebook that is saved as soon as the page shows it must hold it.
            if self._fallback_id:
                self._publish_fallback(update=True)
        return branch

    def _do(self, kind: str, at: int | None, token: int | None, provider: str) -> None:
        if kind == "rerun":
            self.rerun()
        elif kind == "use":
            self.use(provider)
        elif at is not None and kind == "redraw":
            self.redraw(at)
        elif at is not None and token is not None:
            self._show(self._tree.force(self.now, at, token, self._settings), at)
