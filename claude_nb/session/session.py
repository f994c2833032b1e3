"""The one place with state: settings, conversations, totals, history. Runs requests; asking.py makes them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

from claude_nb.errors import PromptError
from claude_nb.providers import addresses, registry
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.models import Models
from claude_nb.session import continuation, frontend, policy, request_builder, structured, tool_loop, tools
from claude_nb.session import options as knobs
from claude_nb.session.accounting import CallRecord, HistoryWriter
from claude_nb.session.budget import Budget, Totals
from claude_nb.session.continuation import Continuation
from claude_nb.session.conversation import Cell, Conversation
from claude_nb.session.tools import ToolBox
from claude_nb.session.turn import Turn
from claude_nb.stop_signal import Stop
from claude_nb.storage.session_history import SessionHistory
from claude_nb.types.reply import Reply, Source
from claude_nb.types.request import Chunk, Request

if TYPE_CHECKING:
    from claude_nb.providers.http.keepalive import KeptConnections
    from claude_nb.storage.store import Store


class Session:
    """Asks models and remembers. One per kernel is enough: shared.default_session().

    settings       defaults for every call, by option name; unset ones are absent
    conversations  by name
    last           the newest Reply, finished or not; None before the first. last_books: where it belongs
    totals         tokens and money so far; budget holds them below a limit
    memory         the history, and replay
    cell           tells which notebook cell is running (None: not in a notebook)
    warn           takes one line for people (the history is full, a retry ...)
    """

    def __init__(
        self,
        *,
        credentials: Credentials | None = None,
        clock: Callable[[], float] = time.monotonic,
        stop: Callable[[], Stop] = Stop,
    ) -> None:
        self.settings: dict[str, Any] = {}
        self.conversations: dict[str, Conversation] = {}
        self.credentials = credentials or Credentials()
        self.models = Models(self.credentials.own_models())
        self.warn: Callable[[str], None] = warnings.warn
        self.memory = SessionHistory(self.credentials.setting, self._tell)
        self.last: Reply | None = None
        self.last_books: CallRecord | None = None
        self.totals = Totals()
        self.rules = policy.load(self.credentials)
        self.budget = Budget(self.totals)
        self.budget.limit_usd = self.rules.limit(None)
        self.cell: Callable[[], Cell | None] = frontend.current_cell
        self.notebook: str | None = self.credentials.notebook()
        self.demo_delay_s: float | None = None
        self._clock = clock
        self._stop = stop  # makes the signal of each turn, which is also what waits between tries

    @property
    def store(self) -> Store | None:
        """The history; None when it is off."""
        return self.memory.store

    def ask(self, prompt: str, **options: Any) -> Reply:
        """The reply to a prompt; see stream() for the options and what is raised.

        Functions that the model asks for are run here, round after round, until it has answered.
        """
        turn = self.stream(prompt, hurry=True, **options)
        return structured.follow(turn, lambda turn, _: tool_loop.follow(turn))

    def stream(self, prompt: str, **options: Any) -> Turn:
        """Send a prompt; iterate the Turn for the text as it arrives. Nothing is sent before the first step.

        Options: model, provider, temperature, top_p, top_k, max_tokens, stop_sequences, seed, system, chat,
        thinking, effort, attach, json, tools, yes, base_url, timeout, whole, allow_http. What is left out is not sent.
        hurry: nobody reads along, so the demo model and replays make no pauses.
        With tools this is the first round only: a reply that asks for a function ends as "tool_use"; ask() goes on.
        With json an answer of the wrong form has reply.problem; ask() has it mended once, then raises NoJson.
        Raises PromptError or ConfigError at once; ApiError, NetworkError, StreamCut while it is read.

        >>> for text in default_session().stream("Hi", temperature=0.2):   # doctest: +SKIP
        ...     print(text, end="")
        """
        how = {
            name: options.pop(name) for name in ("timeout", "whole", "allow_http", "chat", "hurry") if name in options
        }
        chat, cell = how.pop("chat", None), self.cell()
        box = tools.box(options.pop("tools", None), yes=bool(options.pop("yes", False)))
        request = self.request(prompt, chat=chat, tools=box, **options)
        return self.run(request, chat=chat, cell=cell, box=box, **how)

    def request(self, prompt: str, *, chat: str | None = None, **options: Any) -> Request:
        """What would be sent, checked but not sent. Raises PromptError or ConfigError."""
        return request_builder.request(self, prompt, options, chat=chat)

    def run(
        self,
        request: Request,
        *,
        chat: str | None = None,
        cell: Cell | None = None,
        timeout: float | None = None,
        whole: bool = False,
        allow_http: bool = False,
        variable: str | None = None,
        replay: str | None = None,
        hurry: bool = False,
        after: Continuation | None = None,
        box: ToolBox | None = None,
        lane: KeptConnections | None = None,
        ledger: HistoryWriter | None = None,
    ) -> Turn:
        """Run a request as it stands. The Turn sends nothing before it is read.

        replay  off, use or only, instead of what memory.mode says
        after   what this request goes on with: the Reply will be both
        box     the functions that the model was told of; rounds.follow() runs them
        hurry   nobody reads along: the demo model and replays make no pauses
        lane    of the thread that reads the Turn, if it makes many calls; it waits for the network itself
        ledger  where it is written down, instead of in the history
        Raises ConfigError when the budget is used up.
        """
        timeout = self.settings.get("timeout") if timeout is None else knobs.check("timeout", timeout)
        if box and not (box.yes or frontend.can_answer()):
            raise tools.nobody_to_ask()
        recorded = self.memory.find(request, replay)
        if not recorded:
            self.rules.admit(request.provider, request.model, request.base_url, self.models)
            self.rules.admit_tools(request.tools)
            self.budget.admit(request, self.models)
        how: dict[str, Any] = {"timeout": timeout, "whole": whole, "allow_http": allow_http, "replay": replay}
        again = partial(self.run, chat=chat, cell=cell, variable=variable, hurry=hurry, box=box, **how)
        run = CallRecord(self, chat, cell, variable, recorded, after, box, again, ledger)

        def open_stream(stop: Stop) -> Iterator[Chunk]:
            if recorded:
                from claude_nb.storage.recordings import play

                return play(recorded, speed=0 if hurry else self.memory.speed, stop=stop)
            run.begin(request)
            chunks = registry.stream(
                request,
                credentials=self.credentials,
                stop=stop,
                whole=whole,
                timeout_s=timeout,
                delay_s=0 if hurry else self.demo_delay_s,
                allow_http=allow_http,
                lane=lane,
            )
            return _within(lane.held(stop), chunks) if lane else chunks

        source: Source = "replay" if recorded else "demo" if request.provider == "demo" else "live"
        turn = Turn(request, open_stream, run, source=source, clock=self._clock, stop=self._stop())
        if lane:
            lane.begins = turn.begins
        return turn

    def proceed(self) -> Turn:
        """Go on with the newest reply, which was cut at max_tokens or broke off. Raises PromptError if it was not."""
        after, books = continuation.of(self.last, self.models), self.last_books
        again = (books and books.again) or partial(self.run, cell=self.cell())
        return again(after.request, after=after)

    def adopt(self, reply: Reply) -> Reply:
        """Take in a reply that was made elsewhere (a worker of a cluster): priced, counted, in the history."""
        books = CallRecord(self, None, None, None)
        books.write_down(reply.request)
        return books.accounted(reply)

    def configure(self, **settings: Any) -> None:
        """Defaults for later calls: configure(model="sonnet", temperature=0.2). None unsets one.

        api_key is taken for the provider (and base_url) named with it, kept in memory only, and never shown.
        models takes rows like those of models.json, laid over the shipped table.
        """
        if (rows := settings.pop("models", None)) is not None:
            self.models = Models(rows)
        key = settings.pop("api_key", None)
        checked: dict[str, Any] = {}
        for name, value in settings.items():
            knob = knobs.find(name)
            if not knob.setting:
                raise PromptError(f"{knob.name} is given with each call, not as a default")
            checked[knob.name] = knobs.check(knob.name, value)
        self.refuse_keys(*checked.values())
        addresses.refuse_login(checked.get("base_url") or "")
        if checked.get("provider") is not None:
            registry.find(checked["provider"])
        settings = {name: value for name, value in (self.settings | checked).items() if value is not None}
        if key is not None:
            who = registry.choose({}, settings, self.credentials)
            self.credentials.give(who.provider.owner, key, who.base_url)
        self.settings = settings
        self.budget.limit_usd = self.rules.limit(self.settings.get("budget"))

    def _tell(self, line: str) -> None:
        self.warn(line)  # looked up each time: the extension puts its own in place later

    def refuse_keys(self, *values: object) -> None:
        """Raises PromptError when one of these holds a key."""
        if self.credentials.in_text("\n".join(map(str, values)), registry.KEY_VARIABLES):
            raise PromptError("this looks like a key, and was not sent; take it out and make a new key if it was saved")


def _within(held: AbstractContextManager[bool], chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    with held as may_begin:
        if may_begin:
            yield from chunks
