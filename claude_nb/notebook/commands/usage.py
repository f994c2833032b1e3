"""Tokens and money: claude_nb.usage(), /usage and --count."""

from __future__ import annotations

from dataclasses import dataclass

from claude_nb.notebook.commands.command import Command, Invocation
from claude_nb.providers import api
from claude_nb.providers.headers import Headers
from claude_nb.render import reply
from claude_nb.render.chars import counted
from claude_nb.session.budget import Totals, tokens_in, usage_of
from claude_nb.session.call import usual_headers
from claude_nb.session.default import default_session
from claude_nb.session.session import Session
from claude_nb.types.request import Request


@dataclass(frozen=True)
class Used:
    """Tokens and money used so far.

    Attributes:
        kernel: Since this kernel started.
        notebook: Of this notebook, in all its kernels. None if there is no history, or if the front end does not
            report the name of the notebook.
        budget_usd: Spending limit of this kernel in US dollars. None if it has no limit.
    """

    kernel: Totals
    notebook: Totals | None = None
    budget_usd: float | None = None

    def __repr__(self) -> str:
        rows = [("this kernel", totals_line(self.kernel))]
        if self.notebook is not None:
            rows.append(("this notebook", totals_line(self.notebook)))
        if self.budget_usd is not None:
            left = max(0.0, self.budget_usd - self.kernel.cost_usd)
            rows.append(("budget", f"${self.budget_usd:.2f} for this kernel, {reply.dollars(left)} left"))
        return "\n".join(f"{name:<13}  {text}" for name, text in rows)


def usage(session: Session | None = None) -> Used:
    """Return the tokens and money used by this kernel and this notebook.

    Args:
        session: The session to report on. None: the session of the magic.

    Returns:
        The totals. They display themselves as a short table.

    Example:
        >>> usage().kernel.cost_usd  # doctest: +SKIP
        0.0123
    """
    session = session or default_session()
    return Used(session.totals, _of_notebook(session), session.budget.limit_usd)


def totals_line(totals: Totals) -> str:
    """Return the totals as one line.

    totals_line(...) -> "3 replies · 120 tokens in, 340 out · $0.0123 · 1 of unknown cost"
    """
    if not totals.calls:
        return "no replies yet"
    parts = [counted(totals.calls, "reply"), reply.tokens(totals.usage), reply.dollars(totals.cost_usd)]
    return " · ".join([*parts, *([f"{totals.unpriced} of unknown cost"] if totals.unpriced else [])])


def prompt_size(session: Session, request: Request, *, allow_http: bool = False, own: tuple[Headers, ...] = ()) -> str:
    """Return the size and price of a prompt as one line.

    "1,234 tokens, counted by the server · about $0.0037 before the reply · 0.6% of the 200,000 that fit"
    """
    sent = (*usual_headers(session.settings), *own)
    exact = api.count_tokens(request, credentials=session.credentials, allow_http=allow_http, own=sent)
    tokens = tokens_in(request) if exact is None else exact
    size = counted(tokens, "token")
    parts = [f"about {size}, estimated from its length" if exact is None else f"{size}, counted by the server"]
    price = session.models.price(request.model, request.provider, request.speed)
    cost = price.cost_usd(usage_of(request, tokens, 0)) if price else None
    if request.provider not in ("demo", "local"):
        parts.append("price unknown" if cost is None else f"about {reply.dollars(cost)} before the reply")
    if context := session.models.spec(request.model, request.provider).context:
        share = f"{tokens / context:.1%}" if tokens >= context / 1000 else "under 0.1%"
        parts.append(f"{share} of the {context:,} that fit")
    return " · ".join(parts)


def _of_notebook(session: Session) -> Totals | None:
    store = session.store
    if store is None or session.notebook is None:
        return None
    totals = Totals()
    for row in store.recent(None, notebook=session.notebook):
        if row.reply.source != "replay" and not row.running:
            totals.add(row.reply)
    return totals


def _usage(call: Invocation) -> str:
    return repr(usage(call.session))


COMMANDS = (Command("/usage", "show the tokens and money of this kernel and this notebook", _usage),)
