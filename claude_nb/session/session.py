"""The one place with state: settings, conversations, totals, history. Sends requests."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from claude_nb.errors import BadRequest, ClaudeError, Interrupted, PromptError
from claude_nb.providers import keys, registry
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.models import Models
from claude_nb.session import continuation, frontend, policy, request_builder, structured, tool_loop, tools
from claude_nb.session import options as option_table
from claude_nb.session.accounting import CallRecord
from claude_nb.session.budget import Budget, Totals
from claude_nb.session.call import Call, Round
from claude_nb.session.conversation import Cell, Conversation
from claude_nb.session.reader import ReplyView
from claude_nb.session.request_builder import Config
from claude_nb.session.turn import Turn
from claude_nb.stop_signal import Stop
from claude_nb.storage.session_history import SessionHistory
from claude_nb.types.reply import Reply, Source
from claude_nb.types.request import Chunk, Request

if TYPE_CHECKING:
    from claude_nb.storage.store import Store


class Session:
    """Asks models and remembers. One per kernel is enough: shared.default_session().

    settings       defaults for every call, by option name; unset ones are absent
    conversations  by name
    last           the newest Reply, finished or not; None before the first. last_call: how it was asked for
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
        self.last_call = Call()
        self.totals = Totals()
        self.policy = policy.load(self.credentials)
        self.budget = Budget(self.totals)
        self.budget.limit_usd = self.policy.limit(None)
        self.cell: Callable[[], Cell | None] = frontend.current_cell
        self.notebook: str | None = self.credentials.notebook()
        self.demo_delay_s: float | None = None
        self._clock = clock
        self._stop = stop  # makes the signal of each turn, which is also what waits between tries

    @property
    def store(self) -> Store | None:
        """The history; None when it is off."""
        return self.memory.store

    @property
    def config(self) -> Config:
        """What requests depend on."""
        return Config(self.settings, self.models, self.credentials, self.policy)

    def ask(self, prompt: str, **options: Any) -> Reply:
        """Send a prompt and return the reply; see stream() for the options and errors.

        Functions that the model calls are run here, round after round, until it has answered.
        """
        return self.complete(*self._prepared(prompt, options, hurry=True))

    def stream(self, prompt: str, **options: Any) -> Turn:
        """Return a Turn; iterate it for the text as it arrives. Nothing is sent before the first step.

        Options: model, provider, temperature, top_p, top_k, max_tokens, stop_sequences, seed, system, chat,
        thinking, effort, attach, json, tools, yes, base_url, timeout, whole, allow_http. What is left out is not sent.
        hurry: nobody reads along, so the demo model and replays make no pauses.
        With tools this is the first round only: a reply that asks for a function ends as "tool_use"; ask() goes on.
        With json an answer that does not match has reply.problem; ask() retries it once, then raises NoJson.
        Raises PromptError or ConfigError at once; ApiError, NetworkError, StreamCut while it is read.

        >>> for text in default_session().stream("Hi", temperature=0.2):   # doctest: +SKIP
        ...     print(text, end="")
        """
        return self.send(*self._prepared(prompt, options))

    def _prepared(self, prompt: str, options: dict[str, Any], **how: Any) -> tuple[Request, Call]:
        how |= {
            name: options.pop(name) for name in ("timeout", "whole", "allow_http", "chat", "hurry") if name in options
        }
        how["timeout"] = option_table.check("timeout", how.get("timeout"))
        toolbox = tools.box(options.pop("tools", None), yes=bool(options.pop("yes", False)))
        call = Call(cell=self.cell(), tools=toolbox, **how)
        return self.request(prompt, chat=call.chat, tools=toolbox, **options), call

    def request(self, prompt: str, *, chat: str | None = None, **options: Any) -> Request:
        """Return what would be sent, checked but not sent. Raises PromptError or ConfigError."""
        return self.build(prompt, request_builder.checked(options), chat)

    def build(self, prompt: str, options: Mapping[str, Any], chat: str | None = None) -> Request:
        """Return the request for a prompt and options that are checked already. Raises PromptError or ConfigError."""
        talk = self.conversations.get(chat, Conversation(chat)).before(self.cell()) if chat else None
        return request_builder.build(self.config, prompt, options, talk)

    def complete(self, request: Request, call: Call | None = None, view: ReplyView | None = None) -> Reply:
        """Send a request and all that follows from it, and return the whole reply.

        Functions that the model calls are run in this thread. A structured answer that does not match its schema is
        asked for once more. Each round has a history row and a look at the budget of its own.
        Raises what went wrong, with the reply so far as error.reply.
        """
        try:
            return self._complete(Round(request, call or Call()), view or ReplyView())
        except (ClaudeError, Interrupted) as error:
            self.last = error.reply or self.last
            raise

    def _complete(self, following: Round | None, view: ReplyView) -> Reply:
        reply: Reply | None = None
        while following:
            request, call, notice = following
            if notice:
                view.restart(notice)
            try:
                newest = view.read(self.send(request, call))
            except BadRequest as error:
                following = structured.in_words(request, call, error)
                if following is None:
                    raise
                continue
            except (ClaudeError, KeyboardInterrupt) as error:
                if reply and call.rounds and getattr(error, "reply", None) is None:  # this round was not sent
                    tool_loop.break_off(reply, error, view)
                raise
            reply = self.last = tool_loop.run_tools(call, newest, view, self.credentials.known())
            following = tool_loop.next_round(call, reply) if reply is not newest else None
            if following is None:
                view.finish(reply)
                following = structured.next_round(call, reply)
        assert reply is not None  # noqa: S101  # the loop ends only after a reply
        return reply

    def run(self, request: Request, call: Call | None = None, **options: Any) -> Turn:
        """Run a request that was made anywhere; the policy is checked first. Nothing is sent before the Turn is read.

        options are fields of Call: run(request, replay="use", hurry=True). Raises ConfigError or PromptError.
        """
        self.policy.admit(request.provider, request.model, request.base_url, self.models)
        self.policy.admit_tools(request.tools)
        return self.send(request, replace(call or Call(), **options))

    def send(self, request: Request, call: Call) -> Turn:
        """Return the Turn of a request that build() of this session has made. Nothing is sent before it is read."""
        if call.tools and not (call.tools.yes or frontend.can_answer()):
            raise tools.nobody_to_ask()
        recorded = self.memory.find(request, call.replay)
        record = CallRecord(
            self.models,
            self.budget,
            self.memory,
            labels={"notebook": self.notebook, "variable": call.variable, "chat": call.chat},
            finish=partial(self._finished, call),
            recorded=recorded,
            writer=call.writer,
        )
        source: Source = "replay" if recorded else "demo" if request.provider == "demo" else "live"
        opened = partial(self._open, request, call, record)
        turn = Turn(request, opened, record, source=source, clock=self._clock, stop=self._stop())
        if call.connections:
            call.connections.begins = turn.begins
        return turn

    def _open(self, request: Request, call: Call, record: CallRecord, stop: Stop) -> Iterator[Chunk]:
        """Begin to ask the provider, or to play the recorded reply. Called when the Turn is read."""
        if record.recorded:
            from claude_nb.storage.recordings import play

            return play(record.recorded, speed=0 if call.hurry else self.memory.speed, stop=stop)
        record.begin(request)
        chunks = registry.stream(
            request,
            credentials=self.credentials,
            stop=stop,
            whole=call.whole,
            timeout_s=self.settings.get("timeout") if call.timeout is None else call.timeout,
            delay_s=0 if call.hurry else self.demo_delay_s,
            allow_http=call.allow_http,
            lane=call.connections,
        )
        return _within(call.connections.held(stop), chunks) if call.connections else chunks

    def _finished(self, call: Call, reply: Reply) -> Reply:
        """Take in the reply of a call: join it to what it continues, and extend its conversation."""
        if call.after:
            reply = call.after.joined(reply)
        self.last, self.last_call = reply, call
        # Half an exchange would leave two user messages in a row, which some servers reject. A server that refused
        # once refuses again when it sees that.
        ends = reply.complete and (reply.text or reply.calls) and reply.stop_reason not in ("refusal", "tool_use")
        if call.chat and ends:
            talk = self.conversations.get(call.chat, Conversation(call.chat))
            self.conversations[call.chat] = continuation.extended(talk, call.after, reply, call.cell)
        return reply

    def continued(self) -> Round:
        """Return the round that continues the newest reply, which was cut at max_tokens or broke off.

        Raises PromptError when the reply is complete, or when there is none.
        """
        after = continuation.of(self.last, self.models)
        self.policy.admit(after.request.provider, after.request.model, after.request.base_url, self.models)
        call = replace(self.last_call, after=after, rounds=0, repaired=False, connections=None, writer=None)
        return Round(after.request, call)

    def proceed(self) -> Turn:
        """Continue the newest reply; see continued()."""
        request, call, _ = self.continued()
        return self.send(request, call)

    def adopt(self, reply: Reply) -> Reply:
        """Take in a reply that was made elsewhere (a worker of a cluster): priced, counted, in the history."""
        labels = {"notebook": self.notebook, "variable": None, "chat": None}
        record = CallRecord(self.models, self.budget, self.memory, labels)
        record.write(reply.request)
        return record.account(reply)

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
            option = option_table.find(name)
            if not option.setting:
                raise PromptError(f"{option.name} is given with each call, not as a default")
            checked[option.name] = option_table.check(option.name, value)
        self.refuse_keys(*checked.values())
        keys.refuse_login(checked.get("base_url") or "")
        if checked.get("provider") is not None:
            registry.find(checked["provider"])
        settings = {name: value for name, value in (self.settings | checked).items() if value is not None}
        if key is not None:
            who = registry.choose({}, settings, self.credentials)
            self.credentials.give(who.provider.owner, key, who.base_url)
        self.settings = settings
        self.budget.limit_usd = self.policy.limit(self.settings.get("budget"))

    def _tell(self, line: str) -> None:
        self.warn(line)  # looked up each time: the extension puts its own in place later

    def refuse_keys(self, *values: object) -> None:
        """Raise PromptError when one of these values holds a key."""
        self.config.refuse_keys(*values)


def _within(held: AbstractContextManager[bool], chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    with held as may_begin:
        if may_begin:
            yield from chunks
