"""The playground: a prompt, the settings of the model, and the reply as it is written.

Traits hold the settings, the finished runs and the state. Replies stream as small messages, which are not stored.
Everything that comes from the front end is validated like any other input.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import traitlets as t
from IPython.core.getipython import get_ipython
from IPython.display import publish_display_data

from claude_nb.errors import ClaudeError
from claude_nb.prompting import scope
from claude_nb.render import STATIC
from claude_nb.render.chars import write_out
from claude_nb.session import reply_variable
from claude_nb.session.call import Call
from claude_nb.session.default import default_session
from claude_nb.session.reader import ReplyView
from claude_nb.session.session import Session
from claude_nb.storage.entries import History, Row
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request
from claude_nb.widgets import presets, run_requests, transcript
from claude_nb.widgets.controls import ALL, BadSetting, Controls, catalogue
from claude_nb.widgets.run_queue import RunQueue, sync_message
from claude_nb.widgets.run_requests import Asked
from claude_nb.widgets.transcript import Run

MAX_TIMES = 20
MAX_PINNED = 4
ELSEWHERE = "The playground needs a notebook with widgets; here use %%claude, or claude_nb.ask(prompt)."


class Playground(Controls):
    """Widget with the settings of a model, a prompt, and the reply as it streams.

    Its settings are traits: they can be set, observed and linked as in any widget.

    Args:
        session: The session that sends the prompts, or None for the shared one.
        **settings: First values of the settings: provider, model, prompt, system, thinking, effort, temperature,
            top_p, top_k, max_tokens, seed, stop_sequences, logprobs, and variable, the notebook variable for the
            reply. A setting that is None is not sent. `{{name}}` in prompt and system is filled in when a run starts.

    Attributes:
        reply: The newest Reply, or None.
        runs: All replies, the newest first; runs.to_pandas() makes a DataFrame.

    Example:
        >>> pg = Playground(temperature=0.2)      # doctest: +SKIP
        >>> pg.run("Why is the sky blue?")        # doctest: +SKIP
        >>> pg.wait().text                        # doctest: +SKIP
    """

    _esm = STATIC / "playground.js"
    _css = STATIC / "playground.css"

    uid = t.Unicode(read_only=True).tag(sync=True)
    catalogue = t.Dict().tag(sync=True)
    presets = t.Dict().tag(sync=True)
    history: t.List[Any] = t.List().tag(sync=True)
    state = t.Dict({"run": 0, "live": False, "queued": 0}).tag(sync=True)
    pinned: t.List[Any] = t.List().tag(sync=True)
    reply = t.Instance(Reply, allow_none=True)

    def __init__(self, *, session: Session | None = None, **settings: Any) -> None:
        session = session or default_session()
        self._runs: list[Run] = []
        self._count = 0
        self._to_pin: set[int] = set()  # the runs of a comparison
        self._transcript_id: str | None = None  # of its output, once there is one
        self._presets_path = presets.default_path()
        # Colab does not deliver what another thread sends.
        self._queue = RunQueue(self._complete, self, threaded="google.colab" not in sys.modules)
        super().__init__(
            session,
            settings,
            catalogue=catalogue(session.models),
            presets=presets.for_front_end(presets.load(self._presets_path)),
        )
        self.on_msg(self._receive)

    def open(self) -> None:
        """Connect to the front end; ipywidgets calls this."""
        super().open()
        # ipykernel routes messages of the front end to where this widget sent its last message from. For a thread
        # that is the running cell, so Stop would wait until that cell ends.
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = lambda _data, chosen: chosen

    def run(self, prompt: str | None = None, *, times: int = 1) -> None:
        """Send the prompt without waiting for the reply.

        The run starts when all earlier runs have ended.

        Args:
            prompt: The text to send, or None for the text in the prompt box.
            times: How often to send it, 1 to 20.

        Raises:
            PromptError, ConfigError: If a setting is wrong or a key is missing.

        Example:
            >>> pg.run("Name an animal.", times=3)  # doctest: +SKIP
        """
        if prompt is not None:
            self.prompt = prompt
        self._start(times, scope.variables(last=_notebook(), saved=self._session.memory.prompts))

    def _start(self, times: int, variables: Mapping[str, Any]) -> None:
        if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= MAX_TIMES:
            raise BadSetting(f"times goes from 1 to {MAX_TIMES}, not {times!r}")
        request, given = run_requests.build(self._session, self.prompt, self.given, variables, self.refuse)
        self._submit([Asked(replace(request, repeat=i), given) for i in range(times)])

    def compare(self, prompt: str | None = None) -> None:
        """Send the prompt to several models, and pin their replies side by side.

        They are the demo model, the local model if its weights are here, your usual model and the chosen one. A
        setting that one of them does not accept is left out there.

        Args:
            prompt: The text to send, or None for the text in the prompt box.

        Raises:
            PromptError, ConfigError: If a setting is wrong, or there is only one model.

        Example:
            >>> pg.compare("Write a haiku about snow.")  # doctest: +SKIP
        """
        if prompt is not None:
            self.prompt = prompt
        self._compare(scope.variables(last=_notebook(), saved=self._session.memory.prompts))

    def _compare(self, variables: Mapping[str, Any]) -> None:
        asked = run_requests.build_each(self._session, self.prompt, self.given, variables, self.refuse)
        self.pinned = []
        self._to_pin = {*range(self._count + 1, self._count + 1 + len(asked))}
        self._submit(asked)

    def _submit(self, asked: Iterable[Asked]) -> None:
        if why := reply_variable.refusal(self.variable, _notebook()):
            raise BadSetting(f"variable {self.variable} {why}")
        self._queue.submit([self._new_run(request, given) for request, given in asked])

    def stop(self) -> None:
        """End the current run, keep what has arrived, and drop the waiting runs."""
        self._queue.stop()

    def wait(self, timeout: float | None = None) -> Reply | None:
        """Wait until all runs have ended.

        Args:
            timeout: Seconds to wait at most, or None for no limit.

        Returns:
            The newest reply, or None before the first one: `pg.wait().text`.
        """
        self._queue.wait(timeout)
        return self.reply

    @property
    def runs(self) -> History:
        """Every reply of this playground, newest first."""
        return History(Row(run.number, run.reply, variable=run.variable) for run in self._runs[::-1] if run.reply)

    def __repr__(self) -> str:
        return f"Playground(model={self.model!r}, {len(self._runs)} runs)"

    def _ipython_display_(self) -> None:
        shell = get_ipython()
        if getattr(shell, "kernel", None) is None:
            write_out(ELSEWHERE + "\n")
            return
        publish_display_data(*(self._repr_mimebundle_() or ({}, {})))
        self._transcript_id = f"claude-nb-{self.uid}-{uuid4().hex[:6]}"
        self._publish_transcript(update=False)

    # The queue calls these from its thread.

    def say(self, message: dict[str, Any]) -> None:
        """Send a message to every view. It is not stored."""
        self.send(message)

    def changed(self) -> None:
        """Update the state after a run has begun, ended or been queued."""
        active, queued = self._queue.now()
        self.state = {"run": active or self._count - queued, "live": bool(active), "queued": queued}

    def ended(self, run: Run) -> None:
        """Keep a finished run: for the views, as `reply`, in the notebook's variable and in the transcript."""
        self._runs.append(run)
        if run.reply is not None:
            self.reply = run.reply
            if (shell := get_ipython()) is not None:
                shell.user_ns[run.variable] = run.reply
        if self._transcript_id:
            self._publish_transcript(update=True)
        # Last: when the page shows the reply as finished, a cell can use it and a saved notebook holds it.
        self.history = transcript.history(self._runs)
        if run.number in self._to_pin:
            self.pinned = [*self.pinned, run.number]

    def _publish_transcript(self, *, update: bool) -> None:
        bundle = transcript.transcript(self._runs[-transcript.MAX_TRANSCRIPT :], f"cnb-transcript-{self.uid}")
        publish_display_data(bundle, {}, transient={"display_id": self._transcript_id}, update=update)

    def _new_run(self, request: Request | None, given: dict[str, Any]) -> Run:
        self._count += 1
        repeat = request.repeat if request else 0
        label = self._session.models.spec(given["model"], given["provider"]).label.split(":")[0]
        return Run(self._count, self.prompt, given, self.variable, label, request, repeat)

    def _complete(self, run: Run, view: ReplyView) -> Reply:
        assert run.request is not None  # noqa: S101  # only runs with a request are submitted
        return self._session.complete(run.request, Call(variable=run.variable), view)

    # Input from the front end, which is not trusted.

    @t.default("uid")
    def _new_uid(self) -> str:
        # Set from the first message on, because the front end finds its stream by it.
        return uuid4().hex[:12]

    @t.validate("pinned")
    def _valid_pinned(self, proposal: Any) -> list[int]:
        known = {run.number for run in self._runs}
        numbers = [number for number in proposal["value"] if isinstance(number, int) and number in known]
        return list(dict.fromkeys(numbers))[-MAX_PINNED:]

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Set traits from the front end one by one. A value that is not valid is reset there, with the reason."""
        for name, value in sync_data.items():
            if name in (*ALL, "pinned"):
                try:
                    super().set_state({name: value})
                    continue
                except (ClaudeError, t.TraitError) as error:
                    self.refuse(name, str(error))
            if name in self.keys:
                self.send_state(name)

    def _receive(self, _widget: object, message: object, _buffers: object) -> None:
        if not isinstance(message, dict):
            return
        kind, number = message.get("t"), message.get("run")
        if kind == "run" and isinstance(message.get("settings"), dict):
            settings = {name: value for name, value in message["settings"].items() if name in ALL}
            self.set_state(settings)
            compare = message.get("compare") is True
            self._run_for_front_end(settings.get("prompt", self.prompt), message.get("n", 1), compare=compare)
        elif kind == "stop":
            self.stop()
        elif kind == "sync" and isinstance(number, int):
            self._sync(number)
        elif kind == "preset":
            try:
                self._refuse_keys(message.get("name"), message.get("params"))
                saved = presets.change(self._presets_path, message.get("name"), message.get("params"))
                self.presets = presets.for_front_end(saved)
            except ClaudeError as error:
                self.refuse("preset", str(error))

    def _run_for_front_end(self, prompt: Any, times: Any, *, compare: bool) -> None:
        try:
            if prompt != self.prompt:  # it was refused, and the earlier one is not what the user means
                self._refuse_keys(prompt)
                return
            # Whatever calls this is not the user's code.
            variables = scope.named_prompts(self._session.memory.prompts) | dict(_notebook())
            self._compare(variables) if compare else self._start(times, variables)
        except ClaudeError as error:
            failed = self._new_run(None, self.given)
            failed.error = str(error)
            self.ended(failed)
            self.changed()
            self.say({"t": "end", "run": failed.number, "seq": 0})

    def _sync(self, number: int) -> None:
        message = self._queue.sync(number)
        run = next((run for run in self._runs if run.number == number), None)
        if message is None and run is not None:
            thinking = run.reply.thinking if run.reply else ""
            message = sync_message(run, 2**40, [run.html], thinking, live=False)
        if message:
            self.say(message)


def _notebook() -> Mapping[str, Any]:
    """Return the variables of the notebook."""
    shell = get_ipython()
    return shell.user_ns if shell else {}
