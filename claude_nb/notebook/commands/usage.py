"""What was used: claude_nb.usage() and /usage, for this kernel and for the notebook over all its kernels."""

from __future__ import annotations

from dataclasses import dataclass

from claude_nb.notebook.commands.command import Call, Command
from claude_nb.providers import api
from claude_nb.render import reply
from claude_nb.session.budget import Totals, tokens_in
from claude_nb.session.default import default_session
from claude_nb.session.session import Session
from claude_nb.types.request import Request, Usage


@dataclass(frozen=True)
class Used:
    """Tokens and money so far.

    kernel      since this kernel started
    notebook    of this notebook, earlier kernels included; None: no history, or the front end does not tell its name
    budget_usd  the limit for this kernel, in US dollars; None: there is none
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
    """Tokens and money used by this kernel and this notebook: usage().kernel.cost_usd."""
    session = session or default_session()
    return Used(session.totals, _of_notebook(session), session.budget.limit_usd)


def totals_line(totals: Totals) -> str:
    """ "3 replies · 120 tokens in, 340 out · $0.0123 · 1 of unknown cost"."""
    if not totals.calls:
        return "no replies yet"
    count = f"{totals.calls} repl{'y' if totals.calls == 1 else 'ies'}"
    unknown = f" · {totals.unpriced} of unknown cost" if totals.unpriced else ""
    return f"{count} · {reply.tokens(totals.usage)} · {reply.dollars(totals.cost_usd)}{unknown}"


def counted(session: Session, request: Request, *, allow_http: bool = False) -> str:
    """How large a prompt is, and what it costs before its reply: "1,234 tokens, counted by the server ..."."""
    exact = api.count_tokens(request, credentials=session.credentials, allow_http=allow_http)
    tokens = tokens_in(request) if exact is None else exact
    size = f"{tokens:,} token{'' if tokens == 1 else 's'}"
    parts = [f"about {size}, estimated from its length" if exact is None else f"{size}, counted by the server"]
    price = session.models.price(request.model, request.provider)
    cost = price.cost_usd(Usage(tokens, 0)) if price else None
    if request.provider != "demo":
        parts.append("price unknown" if cost is None else f"about {reply.dollars(cost)} before the reply")
    if context := session.models.spec(request.model).context:
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


def _usage(call: Call) -> str:
    return repr(usage(call.session))


COMMANDS = (Command("usage", "/usage", "tokens and money of this kernel and this notebook", _usage),)
