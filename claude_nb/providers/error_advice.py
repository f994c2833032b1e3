"""Tell from status and words what an error of a server is about, and what to do."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from claude_nb.render.chars import one_line

PARAMS = ("temperature", "top_p", "top_k", "max_tokens", "stop_sequences", "seed", "min_p")
# What an error is about, by the words of the server. A pattern of a group before another one wins.
NO_MONEY = re.compile(
    r"(?i)out of (credit|fund)|credit balance|insufficient.{0,3}(credit|fund|quota|balance|money)"
    r"|spend(ing)?.?(limit|cap)|(usage|cost|credit).limits?\b|(no|not enough) (credits?|balance|funds?|quota|money)\b"
    r"|balance.{0,20}(too low|not enough|insufficient|exhausted|negative)|payment required|unpaid|overdue|arrears"
    r"|余额不足|欠费"
)
MAYBE_MONEY = re.compile(r"(?i)billing|payment|exceeded.{0,12}quota")
RATE = re.compile(
    r"(?i)rate.?limit|too many requests|per.?(second|minute|min\b|hour|day)|(try again|retry) in|throttl|\b[rt]p[md]\b"
)
BUDGET = re.compile(r"(?i)budget.{0,20}exceeded|exceeded.{0,20}budget|over .{0,12}budget")  # of a key of a gateway
TOO_LONG = re.compile(
    r"(?i)context.?(length|window|limit|size)|(prompt|input|request) is too long|too many (input )?tokens"
    r"|maximum context"
)
VERIFY = re.compile(r"(?i)verif")
BAD_KEY = re.compile(
    r"(?i)(invalid|incorrect|wrong|missing|expired|no|bad|unknown).{0,12}(api.?key|credential|bearer)"
    r"|api.?key.{0,30}(invalid|not valid|incorrect|expired|revoked|missing|required|not found)|x-api-key"
    r"|authentication.?(error|fail|required)|unauthenticated|unauthorized"
)
BAD_MODEL = re.compile(
    r"(?i)model.{0,80}(not.(found|exist|supported|available(?!.{0,20}(region|country)))|does(n't| not) exist|retired"
    r"|decommissioned|deprecated)"
    r"|(unknown|invalid|unsupported|no such|not a valid) model|model_not_found|no endpoints found for"
    r"|access to.{0,20} model"
)
WEB_PAGE = "a web page"
NO_ENDPOINT = "No endpoints found"  # of OpenRouter, where a model lacks what the request needs
UNKNOWN_FIELD = re.compile(
    r"(?i)unsupported|unrecogni[sz]ed|unknown|unexpected|not (supported|permitted|allowed|recogni[sz]ed)"
    r"|extra (input|field)|does(n't| not) support|additional propert|deprecated|invalid (field|argument|parameter)"
)
TOO_SMALL = re.compile(r"(?i)at least|greater than|larger than|minimum|too (small|low)|positive|>=? ?[01]\b")
TOO_LARGE = re.compile(
    r"(?i)at most|less than|smaller than|maximum|too (large|high|big|many)|exceed|> ?\d|<=? ?\d|up to|reduce|decrease"
    r"|limit"
)
MISSING = re.compile(r"(?i)required|missing|must be (set|given|specified|provided)")


def topic_of(status: int | None, words: str) -> str:
    """Return what an error is about: "budget", "verify", "money", "key", "rate", "too long", "model", or "".

    status  None if the server named none
    words   its own words and codes
    """
    refused = status in (None, 400, 401, 403, 404, 410, 422)
    limited = RATE.search(words) is not None
    rules = (
        ("budget", BUDGET.search(words)),
        ("verify", status in (402, 403) and VERIFY.search(words)),
        ("money", status == 402 or NO_MONEY.search(words) or (not limited and MAYBE_MONEY.search(words))),
        ("key", status == 401 or (refused and BAD_KEY.search(words))),
        ("rate", status == 429 or (status is None and limited)),
        ("too long", status not in (404, 413) and (status or 400) < 500 and TOO_LONG.search(words)),
        ("model", refused and BAD_MODEL.search(words)),
    )
    return next((topic for topic, applies in rules if applies), "")


def cause(status: int, topic: str) -> str:
    if 300 <= status < 400:
        return f"redirects to another address ({status}), which is never followed"
    causes = {
        401: "refused the key",
        402: "requires payment",
        403: "does not allow this",
        404: "does not know this address or model",
        405: "does not answer at this address",
        408: "timed out",
        413: "rejects the request as too large",
        429: "received too many requests",
        503: "is overloaded",
        529: "is overloaded",
    }
    if status == 429 and topic != "rate":
        return "rejects this request (429)"
    if status >= 500:
        return f"{causes.get(status, 'has an internal error')} ({status})"
    return f"{causes.get(status, 'rejects this request')} ({status})"


ACCOUNT = "check credits, spend limit and verification of the account at the provider"
BASE_URL = "the base URL: it ends in /v1, without /chat/completions"


def next_step(
    status: int,
    topic: str,
    words: str,
    param: str | None = None,
    found: str | None = None,
    wait_s: float | None = None,
    location: str = "",
) -> str:
    """Return what a user can do.

    param    the option that the server blames; None: it names none
    found    where the key was found
    wait_s   how long the server asks to wait
    location  where it redirects to
    """
    again = "run it again" if wait_s is None else f"try again in {_span(wait_s)}"
    rules = (
        (300 <= status < 400, f"if you trust {_origin(location)}, set base_url to it"),
        (param and topic in ("", "too long", "model"), param and _param_step(topic, words, param)),
        (topic, topic and _topic_step(topic, found, wait_s)),
        (status in (408, 409) or status >= 500, again),
        (WEB_PAGE in words and status != 413, f"check {BASE_URL}; a firewall or a proxy may also have answered"),
        (status == 403 and words, "check at the provider what this key and account may do"),
        (status == 403, ACCOUNT),
        (NO_ENDPOINT in words, "choose another model, or change the request as the server says"),
        (status == 404, f"check the model id, and {BASE_URL}"),
        (status == 405, f"check {BASE_URL}"),
        (status == 413, "send less text"),
        (words, "change the request as the server says"),
    )
    return next((str(step) for applies, step in rules if applies), "change the request")


def _topic_step(topic: str, found: str | None, wait_s: float | None) -> str:
    origin = f" (from {found})" if found else ""
    return {
        "budget": "ask the owner of this key to raise its budget, or use the free demo model (-p demo)",
        "money": ACCOUNT,
        "verify": "verify the account at the provider, then try again",
        "key": f"check that the key{origin} is complete, or set another one with %claude /login",
        "rate": "wait a moment and run it again" if wait_s is None else f"try again in {_span(wait_s)}",
        "too long": "shorten the prompt, or start a new conversation",
        "model": "check the model id (-m); %claude /models lists what there is",
    }[topic]


def _param_step(topic: str, words: str, param: str) -> str:
    """Return what to do about the option that the server blames."""
    if topic == "too long":
        return (
            f"shorten the prompt, or choose a smaller {param}"
            if param == "max_tokens"
            else _topic_step(topic, None, None)
        )
    both = [name for name in PARAMS if re.search(rf"\b{name}\b", words)]
    leave_out = f"leave out {' or '.join(both if len(both) > 1 else [param])}"
    if param != "max_tokens":
        return leave_out
    is_number = re.search(r"\d", words) is not None
    rules = (
        (is_number and TOO_LARGE.search(words), "choose a smaller max_tokens"),
        (TOO_SMALL.search(words), "choose a larger max_tokens"),
        (UNKNOWN_FIELD.search(words), leave_out),
        (MISSING.search(words), "set max_tokens"),
        (TOO_LARGE.search(words), "choose a smaller max_tokens"),
    )
    return next((step for applies, step in rules if applies), "change max_tokens as the server says")


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _origin(location: str) -> str:
    try:
        parts = urlsplit(location)
        host = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "that address"
    return one_line(host, 100) if parts.scheme and parts.hostname else "that address"
