"""The one place with state: settings, conversations, totals, history. Sends requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from claude_nb.errors import ClaudeError, Interrupted
from claude_nb.prompting import scope, template
from claude_nb.providers import registry
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.models import Models
from claude_nb.session import consent, continuation, first_fetch, frontend, key_question, policy, request_builder, tools
from claude_nb.session import options as option_table
from claude_nb.session.accounting import CallRecord
from claude_nb.session.budget import Budget, Totals
from claude_nb.session.call import Call, Round
from claude_nb.session.complete import complete
from claude_nb.session.conversation import Cell, Conversation
from claude_nb.session.reader import ReplyView
from claude_nb.session.request_builder import Config, DemoNotice
from claude_nb.session.turn import Turn
from claude_nb.stop_signal import Stop
from claude_nb.storage.session_history import SessionHistory
from claude_nb.types.reply import Reply, Source
from claude_nb.types.request import Chunk, Request

if TYPE_CHECKING:
    from claude_nb.storage.store import Store


class Session:
    """Asks models, and remembers. One per kernel is enough: see default_session().

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
        self.credentials = key_question.asking(credentials or Credentials())
        self.models = Models(self.credentials.own_models())
        self.warn: Callable[[str], None] = frontend.warn
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
        self.demo_notice = DemoNotice()
        self._clock = clock
        self._stop = stop  # makes the signal of each turn, which is also what waits between tries

    @property
    def store(self) -> Store | None:
        """Return the history; None when it is off."""
        return self.memory.store

    @property
    def config(self) -> Config:
        """Return what requests depend on."""
        return Config(self.settings, self.models, self.credentials, self.policy)

    def ask(self, prompt: str, *, view: ReplyView | None = None, **options: Any) -> Reply:
        """Send a prompt and return the whole reply.

        Functions that the model calls are run here, round after round, until it has answered. A structured answer
        that does not match its schema is asked for once more.

        Args:
            prompt: The text to send, with {{name}} filled in as in claude_nb.ask().
            view: What draws the reply while it arrives; None: nothing.
            **options: As in stream().

        Returns:
            The reply: `session.ask("Why is the sky blue?", temperature=0.2).text`.

        Raises:
            PromptError, ConfigError: An option is wrong, or a key is missing; nothing was sent.
            ApiError, NetworkError, StreamCut, NoJson: What arrived is `error.reply`.
        """
        return self.complete(*self._prepared(prompt, options, hurry=True), view)

    def stream(self, prompt: str, **options: Any) -> Turn:
        """Return a Turn, which yields the text as it arrives.

        Nothing is sent before the first step.

        With `tools` this is the first round only: a reply that calls a function ends as "tool_use". With `json` a
        reply that does not match its schema has `reply.problem`. ask() goes on in both cases.

        Args:
            prompt: The text to send, with {{name}} filled in as in claude_nb.ask().
            **options: As in claude_nb.stream(). `hurry=True` leaves out the pauses of the demo model and of replays.

        Returns:
            The running reply.

        Raises:
            PromptError, ConfigError: At once, or at the first step when the budget is used up.
            ApiError, NetworkError, StreamCut: While the Turn is read.

        >>> for text in default_session().stream("Hi", temperature=0.2):   # doctest: +SKIP
        ...     print(text, end="")
        """
        return self.send(*self._prepared(prompt, options))

    def _prepared(self, prompt: str, options: dict[str, Any], **fields: Any) -> tuple[Request, Call]:
        """Return the request of a prompt, and the Call of the options that are not part of the request."""
        for name in options.keys() & {"timeout", "whole", "allow_http", "chat", "hurry"}:
            fields[name] = options.pop(name)
        for name in ("timeout", "chat"):
            fields[name] = option_table.check(name, fields.get(name))
        if own := option_table.check("headers", options.pop("headers", None)):
            fields["headers"] = (own,)
        toolbox = tools.toolbox(options.pop("tools", None), yes=bool(options.pop("yes", False)))
        call = Call(cell=self.cell(), tools=toolbox, **fields)
        request = self.request(prompt, chat=call.chat, tools=toolbox, **options)
        self._tell(*self.demo_notice(request, self.config.target(options)))
        return request, call

    def request(
        self, prompt: str, *, chat: str | None = None, variables: Mapping[str, Any] | None = None, **options: Any
    ) -> Request:
        """Return the request that ask() would send. Nothing is sent.

        Args:
            prompt: The text to send.
            chat: Name of the conversation that the request continues; None: none.
            variables: Values for {{name}} that come before those of the calling code.
            **options: Those of stream() that are part of a request.

        Returns:
            The checked request: `session.request("Hi", model="demo").messages[-1].text`.

        Raises:
            PromptError, ConfigError: An option is wrong.
        """
        filled, options = request_builder.filled(prompt, options, variables, self.memory.prompts)
        request = self.build(filled.text, request_builder.checked(options), option_table.check("chat", chat))
        self._tell(*filled.notices)
        return request

    def build(self, prompt: str, options: Mapping[str, Any], chat: str | None = None) -> Request:
        """Return the request of a prompt and options that request_builder.checked() has returned."""
        talk = self.conversations.get(chat, Conversation(chat)).before(self.cell()) if chat else None
        return request_builder.build(self.config, prompt, options, talk)

    def complete(self, request: Request, call: Call | None = None, view: ReplyView | None = None) -> Reply:
        """Send a request of build(), and all that follows from it; return the whole reply.

        `%%claude`, ask() and the playground end here. Each round has a history row and a look at the budget of its
        own. Raises what went wrong, with the reply so far as `error.reply`.
        """
        try:
            first = Round(request, call or Call())
            reply = complete(first, view or ReplyView(), self.send)
        except (ClaudeError, Interrupted) as error:
            self.last = error.reply or self.last
            raise
        self.last = reply  # another thread may replace it at once, so it is not what is returned
        return reply

    def run(self, request: Request, call: Call | None = None, **fields: Any) -> Turn:
        """Return a Turn for a request that was made anywhere; the policy is checked first.

        Args:
            request: What to send, as it stands.
            call: How to send it; None: in the usual way.
            **fields: Fields of Call to change: `session.run(request, replay="use", hurry=True)`.

        Returns:
            The running reply. Nothing is sent before it is read.

        Raises:
            ConfigError: The policy does not allow the request.
            ReplayMiss: Replies are played only, and this request has none.
        """
        self._admit(request)
        return self.send(request, replace(call or Call(), **fields))

    def _admit(self, request: Request) -> None:
        """Raise ConfigError for a request from elsewhere that the policy forbids."""
        self.policy.admit(request.provider, request.model, request.base_url, self.models)
        self.policy.admit_tools(request.tools)
        self.policy.admit_tools(request.server_tools, of_server=True)

    def send(self, request: Request, call: Call) -> Turn:
        """Return the Turn of a request that build() of this session has made. Nothing is sent before it is read."""
        if call.tools and not (call.tools.yes or frontend.can_answer()):
            raise consent.nobody_to_ask()
        recorded = self.memory.find(request, call.replay)
        if not recorded:
            first_fetch.settle(request)
            registry.admit_keys(request, self.credentials, call.all_headers(self.settings))
        record = CallRecord(
            self.models,
            self.budget,
            self.memory,
            self._labels(call),
            finish=partial(self._finished, call),
            recorded=recorded,
            writer=call.writer,
        )
        source: Source = "replay" if recorded else "demo" if request.provider == "demo" else "live"
        opens = partial(self._open, request, call, record)
        return Turn(request, opens, record, source=source, clock=self._clock, stop=self._stop())

    def _open(self, request: Request, call: Call, record: CallRecord, stop: Stop) -> Iterator[Chunk]:
        """Begin to ask the provider, or to play the recorded reply. Called when the Turn is read."""
        if record.recorded:
            from claude_nb.storage.recordings import play

            return play(record.recorded, speed=0 if call.hurry else self.memory.speed, stop=stop)
        record.begin(request)
        options = call.send_options(self.settings, self.demo_delay_s)
        return registry.stream(request, options, credentials=self.credentials, stop=stop)

    def _finished(self, call: Call, reply: Reply) -> Reply:
        """Take in the reply of a call: join it to what it continues, and extend its conversation."""
        if call.after:
            reply = call.after.joined(reply)
        self.last, self.last_call = reply, call
        if call.chat and continuation.extends(reply):
            talk = self.conversations.get(call.chat, Conversation(call.chat))
            self.conversations[call.chat] = continuation.extended(talk, call.after, reply, call.cell)
        return reply

    def continued(self, max_tokens: int | None = None) -> Round:
        """Return the round that continues the newest reply; see request_builder.continued(). Raises PromptError."""
        after = request_builder.continued(self.models, self.last, max_tokens)
        self._admit(after.request)
        call = replace(self.last_call, after=after, rounds=0, repaired=False, connections=None, writer=None)
        return Round(after.request, call)

    def proceed(self) -> Turn:
        """Return a Turn that continues the newest reply, as %claude /continue does; see continued()."""
        return self.send(*self.continued()[:2])

    def adopt(self, reply: Reply) -> Reply:
        """Take in a reply that was made elsewhere (a worker of a cluster): priced, counted, in the history."""
        record = CallRecord(self.models, self.budget, self.memory, self._labels(Call()))
        record.write(reply.request)
        reply = record.account(reply)
        record.save(reply)
        return reply

    def configure(self, **settings: Any) -> None:
        """Set defaults for later calls.

        Args:
            **settings: Options by name; None removes a default. `api_key` is the key of the provider (and `base_url`)
                named with it: it stays in memory, and is never shown. `models` takes rows like those of models.json,
                laid over the table of the package.

        Raises:
            PromptError, ConfigError: A setting is wrong; none of them is changed.

        >>> session.configure(model="sonnet", temperature=0.2)   # doctest: +SKIP
        """
        if (rows := settings.pop("models", None)) is not None:
            self.models = Models(rows)
        key = settings.pop("api_key", None)
        settings, notices = template.fill_options(settings, scope.variables(saved=self.memory.prompts))
        checked = request_builder.checked_settings(self.config, settings)
        settings = {name: value for name, value in (self.settings | checked).items() if value is not None}
        if key is not None:
            who = registry.choose({}, settings, self.credentials)
            self.credentials.give(who.provider.owner, key, who.base_url)
        self.settings = settings
        self.budget.limit_usd = self.policy.limit(self.settings.get("budget"))
        self._tell(*notices)

    def _labels(self, call: Call) -> dict[str, str | None]:
        return {"notebook": self.notebook, "variable": call.variable, "chat": call.chat}

    def _tell(self, *lines: str) -> None:
        for line in lines:
            self.warn(line)  # looked up each time: the extension puts its own in place later
