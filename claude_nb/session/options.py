"""Every option, declared once for the magic, the sliders, the help and the docs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import guarded, plain, shown
from claude_nb.providers import headers
from claude_nb.types.settings import EFFORTS


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    name     its Python name: ask(..., top_p=0.9)
    flags    its spellings in the magic: ("--top-p",); empty for an option of the session only
    kind     converts the text of a value; None for a switch, which takes no value
    low, high, step, log   range of its slider; a model may allow less (providers/models.py)
    escapes  True if \\n in a quoted value stands for a line end; elsewhere it stays as it is typed
    bare     value of the option when none is given; None: a value is required (unless it is a switch)
    words    pattern of the values that may follow without "="; any other word begins the prompt: --thinking Why?
    setting  True if /set and configure() accept it as a default for later calls
    example  a line that shows it, after %claude; the tests run it on the demo model
    """

    name: str
    flags: tuple[str, ...]
    help: str
    kind: Callable[[str], Any] | None = str
    metavar: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    repeatable: bool = False
    setting: bool = False
    unit: str = ""
    escapes: bool = False
    bare: str | None = None
    words: str = ""
    example: str = ""

    @property
    def label(self) -> str:
        """Its name for people: "Top p"."""
        return self.name.replace("_", " ").capitalize()


def _number_or_word(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() else text


OPTIONS: tuple[Option, ...] = (
    Option("model", ("-m", "--model"), "model id or alias", metavar="MODEL", setting=True, example="-m demo Tell me a joke."),
    Option("provider", ("-p", "--provider"), "aimlapi, anthropic, openai-compatible, local or demo", metavar="NAME", setting=True, example="-p demo Tell me a joke."),
    Option("temperature", ("-t", "--temperature"), "0: always the most likely words; 1: varied", float, "T", 0.0, 1.0, 0.05, setting=True, example="-t 0.2 Tell me a joke."),
    Option("top_p", ("--top-p",), "sample from the most likely words that together have this probability", float, "P", 0.01, 1.0, 0.01, setting=True, example="--top-p 0.8 Tell me a joke."),
    Option("top_k", ("--top-k",), "sample from this many of the most likely words", int, "K", 1, 500, 1, setting=True, unit="words", example="--top-k 20 Tell me a joke."),
    Option("min_p", ("--min-p",), "sample from the words that are at least this share as likely as the most likely one", float, "P", 0.0, 1.0, 0.01, setting=True, example="-p local --min-p 0.1 --dry-run Tell me a joke."),
    Option("max_tokens", ("-n", "--max-tokens"), "end the reply after this many tokens", int, "N", 1, 128_000, 1, log=True, setting=True, unit="tokens", example="-n 30 Tell me a story."),
    Option("stop_sequences", ("--stop",), "end the reply before this text", metavar="TEXT", repeatable=True, setting=True, escapes=True, example="--stop . Tell me a story."),
    Option("seed", ("--seed",), "the same seed gives the same reply (demo, local and some servers)", int, "N", 0, 2**31 - 1, 1, setting=True, example="-m demo --seed 1 Tell me a joke."),
    Option("thinking", ("--thinking",), "think before answering, with a budget in TOKENS if given; off: do not think", _number_or_word, "[TOKENS]", setting=True, unit="tokens", bare="on", words=r"\d+|off", example="-p anthropic --thinking --dry-run Why is 91 not a prime number?"),
    Option("effort", ("--effort",), "how much work goes into the reply: low, medium, high, xhigh or max", metavar="LEVEL", setting=True, example="-p anthropic --effort low --dry-run Why is 91 not a prime number?"),
    Option("logprobs", ("--logprobs",), "how likely each token of the reply was, with the N most likely alternatives (5 if none is given)", int, "[N]", 0, 20, 1, setting=True, bare="5", words=r"\d+", example="-m demo --logprobs 3 Tell me a joke."),
    Option("system", ("-s", "--system"), "system prompt", metavar="TEXT", setting=True, example="-s 'You are a pirate.' Tell me about the moon."),
    Option("attach", ("-a", "--attach"), "attach a file, a glob, an https:// address, {{figure}}, {{table}} or Out[3]", metavar="FILE", repeatable=True, example="-a {{df}} What stands out?"),
    Option("context", ("--context",), "send the last N cells and their output with the prompt", int, "N", 1, 50, 1, example="--context 2 What did I do so far?"),
    Option("pictures", ("--pictures",), "with --context: send the pictures of those cells too", None, example="--context 2 --pictures What does the plot show?"),
    Option("code", ("--code",), "put the code of the reply into a new cell below, without running it", None, example="--code Write Python that adds two numbers."),
    Option("tools", ("--tools",), "functions of the notebook that the model may call: --tools weather,add", metavar="NAMES", example="-p anthropic --tools weather --dry-run Is it warm in Oslo?"),
    Option("yes", ("--yes",), "with --tools: call the functions without asking first", None, example="-p anthropic --tools weather --yes --dry-run Is it warm in Oslo?"),
    Option("json", ("--json",), "answer in JSON: any object, or one that fits a class, list[...] or JSON schema from the notebook", metavar="[SCHEMA]", bare="any", example="--json list[Item] Three things to eat."),
    Option("cache", ("--cache",), "cache the prompt on the server, so that prompts which begin the same way cost less: for 5 minutes, or for 1h", metavar="[5m|1h]", bare="5m", words="5m|1h", example="-p anthropic --cache 1h --dry-run -a {{df}} What stands out?"),
    Option("speed", ("--speed",), "fast: quicker and dearer tokens, on models that have a fast mode", metavar="fast", setting=True, example="-p anthropic -m opus --speed fast --dry-run Tell me a joke."),
    Option("search", ("--search",), "search the web, at most N times if given; off: do not search", _number_or_word, "[N]", low=1, high=100, step=1, setting=True, unit="searches", bare="on", words=r"\d+|off", example="-p anthropic --search 3 --dry-run Who won the last match?"),
    Option("fetch", ("--fetch",), "read the web pages and PDFs that the prompt names", None, setting=True, example="-p anthropic --fetch --dry-run What does https://example.com say?"),
    Option("code_execution", ("--code-execution",), "let the model run code on the provider's server", None, setting=True, example="-p anthropic --code-execution --dry-run What is the sum of the first 1000 primes?"),
    Option("cite", ("--cite",), "quote the attached PDFs and texts, with the place of each quote", None, example="-p anthropic -a {{df}} --cite --dry-run Which name is first?"),
    Option("out", ("-o", "--out"), "variable for the reply (default: `reply`)", metavar="NAME", example="-o joke Tell me a joke."),
    Option("chat", ("-c", "--chat"), "continue the conversation NAME, or start it", metavar="NAME", example="-c trip Name a river."),
    Option("base_url", ("--base-url",), "address of the server, including /v1", metavar="URL", setting=True, example="--base-url http://localhost:11434/v1 -m llama3 --dry-run Hi"),
    Option("headers", ("--header",), "send a header to the server: --header X-Team=blue; a secret is named: --header X-Auth=env:VARIABLE", metavar="NAME=VALUE", repeatable=True, setting=True, example="--base-url http://localhost:4000/v1 -m llama3 --header X-Team=blue --dry-run Hi"),
    Option("timeout", ("--timeout",), "give up when nothing arrives for S seconds", float, "S", 1.0, 600.0, 1.0, setting=True, unit="seconds", example="--timeout 30 Tell me a joke."),
    Option("budget", (), "send nothing more once this session has cost this much", float, metavar="USD", setting=True, unit="US dollars", example="/set budget=2"),
    Option("sweep", ("--sweep",), "try several settings: --sweep \"temperature=0,0.7,1 n=5\"", metavar="SETTINGS", example="--sweep 'temperature=0,1 n=2' Tell me a joke."),
    Option("rows", ("--rows",), "send the prompt for each row of a table, a variable or a .csv file, and grade the replies", metavar="TABLE", example="--rows df --expect city --grade contains Tell me about {{city}}."),
    Option("expect", ("--expect",), "with --rows: the column, the function or the text that says what is right", metavar="COLUMN", example="--rows df --expect city Name a city in {{city}}."),
    Option("grade", ("--grade",), "with --rows: exact, one_of, contains, regex, number, json_equal, schema, or a grader of the notebook", metavar="NAMES", example="--rows df --expect celsius --grade number How warm is it in {{city}}?"),
    Option("fresh", ("--fresh",), "ask the model again, also where the history has the reply", None, example="--fresh --sweep 'temperature=0,1' Tell me a joke."),
    Option("batch", ("--batch",), "with --sweep or --rows: send all calls in a batch, at half the price, to be answered within a day", None, example="-p anthropic --batch --sweep 'temperature=0,1' --dry-run Tell me a joke."),
    Option("no_stream", ("--no-stream",), "request the reply in one piece", None, example="--no-stream Tell me a joke."),
    Option("quiet", ("--quiet",), "show nothing, only set the variable", None, example="--quiet -o joke Tell me a joke."),
    Option("dry_run", ("--dry-run",), "show the request instead of sending it", None, example="--dry-run Tell me a joke."),
    Option("count", ("--count",), "count the tokens of the prompt instead of sending it; if the server counts them, it receives the prompt", None, example="--count Tell me a joke."),
    Option("raw", ("--raw",), "show the reply as plain text", None, example="--raw Tell me a joke."),
    Option("allow_http", ("--allow-http",), "allow unencrypted http to a server on another machine", None, example="--base-url http://10.0.0.7:8000/v1 -m llama3 --allow-http --dry-run Hi"),
    Option("help", ("-h", "--help"), "show the options", None, example="-h"),
)  # fmt: skip

BY_NAME: dict[str, Option] = {option.name: option for option in OPTIONS}
SETTINGS: tuple[Option, ...] = tuple(option for option in OPTIONS if option.setting)
SAMPLING_NAMES = ("temperature", "top_p", "top_k", "max_tokens", "stop_sequences", "seed", "min_p")
_NOT_SENT = ("timeout", "budget", "headers")
# These options decide what the model answers; the others say how one call is made or shown.
REQUEST_NAMES = (*(o.name for o in SETTINGS if o.name not in _NOT_SENT), "attach", "cache", "cite", "json", "tools")
CALL_NAMES = tuple(option.name for option in OPTIONS if option.name not in REQUEST_NAMES)
_CHECKED_LATER = ("attach", "tools", "json")  # by attachments.gather(), tools.toolbox() and structured.with_schema()
ON, OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_MINIMUM = {"temperature": 0, "top_k": 1, "max_tokens": 1, "context": 1, "budget": 0}


def _plain(name: str) -> str:
    return name.lstrip("-").replace("-", "_")


_SPELLINGS = {_plain(spelling): option for option in OPTIONS for spelling in (*option.flags, option.name)}


def named(name: str) -> Option | None:
    """Return the option with this name, in any spelling: named("--top-p").name -> "top_p"; None if there is none."""
    return _SPELLINGS.get(_plain(name))


def near(name: str, likeness: float) -> Option | None:
    """Return the option whose name is most like this one, as far as 0 to 1: near("dryrun", 0.9).name -> "dry_run"."""
    found = get_close_matches(_plain(name), [plain for plain in _SPELLINGS if len(plain) > 1], n=1, cutoff=likeness)
    return _SPELLINGS[found[0]] if found else None


def find(name: str) -> Option:
    """Return the option with this name, in any spelling.

    find("--top-p").name -> "top_p". Raises PromptError for an unknown name.
    """
    if option := named(name):
        return option
    guess = near(name, 0.6)
    hint = f"did you mean {guess.name}?" if guess else "see %claude /help"
    raise PromptError(f"unknown option {name!r}; {hint}")


def read(option: Option, text: Any) -> Any:
    """Return the value that a user typed: read(BY_NAME["top_k"], "5") -> 5.

    text  a list of texts for a repeatable option; True or a text such as "yes" for a switch
    Raises PromptError for a text that is not a value.
    """
    if option.kind is None:
        return text is True or text.strip().lower() in ON
    if option.repeatable:
        return check(option.name, (text,) if isinstance(text, str) else tuple(text))
    try:
        return check(option.name, option.kind(text))
    except ValueError:
        expected = "a whole number" if option.kind is int else "a number"
        raise PromptError(f"{(option.flags or (option.name,))[-1]} takes {expected}, not {text!r}") from None


def check(name: str, value: Any) -> Any:
    """Return the value, converted to one type: check("top_p", 1) -> 1.0.

    Raises PromptError if no model could accept it. providers/models.py knows what each model accepts.
    """
    return guarded(name, _checked, name, value)


def _checked(name: str, value: Any) -> Any:
    kind = BY_NAME[name].kind
    if value is None or name in _CHECKED_LATER:
        return value
    if kind is None:
        return _switch(name, value)
    if special := _SPECIAL.get(name):
        return special(value)
    return _text(name, value) if kind is str else _number(name, value, whole=kind is int)


def _switch(name: str, value: Any) -> bool:
    if value in (True, False):  # numpy's too
        return bool(value)
    raise PromptError(f"{name} must be True or False, not {shown(value)}")


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return plain(value)
    raise PromptError(f"{name} must be a string, not {shown(value)}")


def number(name: str, value: Any, *, whole: bool = False) -> float:
    """Return a number as Python's own: number("seconds", np.float32(2)) -> 2.0. Raises PromptError for anything else."""
    if not _is_number(value, whole=whole) or value != value:  # noqa: PLR0124  # NaN is no number
        raise PromptError(f"{name} must be a {'whole ' if whole else ''}number, not {shown(value)}")
    return guarded(name, int if whole else float, value)


def _is_number(value: Any, *, whole: bool) -> bool:
    # The numbers of numpy are Integral and Real, too.
    return isinstance(value, Integral if whole else Real) and not isinstance(value, bool)


def _number(name: str, value: Any, *, whole: bool) -> float:
    if _is_number(value, whole=whole) and not -(2**63) < value < 2**63:
        raise PromptError(f"{name} must be a finite number below 2**63, not {shown(value)}")
    own = number(name, value, whole=whole)
    if name in _MINIMUM and own < _MINIMUM[name]:
        raise PromptError(f"{name} must be at least {_MINIMUM[name]}, not {own}; leave it out to use the default")
    if name == "top_p" and not 0 < own <= 1:
        raise PromptError(f"top_p must be above 0 and at most 1, not {own}; leave it out to use the default")
    if name == "logprobs" and not 0 <= own <= 20:
        raise PromptError(f"logprobs must be from 0 to 20 alternatives, not {own}; leave it out for no probabilities")
    if name == "min_p" and not 0 <= own <= 1:
        raise PromptError(f"min_p must be from 0 to 1, not {own}; leave it out to use the default")
    if name == "timeout" and own <= 0:
        raise PromptError(f"timeout must be above 0 seconds, not {own:g}")
    return own


def _thinking(value: Any) -> int | str:
    """Return "on" (also for True), "off" (also for False) or a budget in tokens."""
    if isinstance(value, Integral) and not isinstance(value, bool) and 1024 <= int(value) < 2**63:
        return int(value)
    word = ("on" if value else "off") if isinstance(value, bool) else value
    if isinstance(word, str) and word in ("on", "off"):
        return word
    raise PromptError(f"thinking must be on, off or a budget of at least 1024 tokens, not {shown(value)}")


def _search(value: Any) -> int | str:
    """Return "on" (also for True), "off" (also for False) or how often to search at most."""
    if isinstance(value, Integral) and not isinstance(value, bool) and 1 <= int(value) <= 100:
        return int(value)
    word = ("on" if value else "off") if isinstance(value, bool) else value
    if isinstance(word, str) and word in ("on", "off"):
        return word
    raise PromptError(f"search must be on, off or a number of searches from 1 to 100, not {shown(value)}")


def _effort(value: Any) -> str:
    if isinstance(value, str) and value in EFFORTS:
        return value
    raise PromptError(f"effort must be {', '.join(EFFORTS[:-1])} or {EFFORTS[-1]}, not {shown(value)}")


def _cache(value: Any) -> str | None:
    """Return how long to cache: "5m" (also for True and "on"), "1h", or None for False and "off"."""
    if isinstance(value, int):
        return "5m" if value else None
    word = value.lower() if isinstance(value, str) else ""
    if word in ("5m", "1h"):
        return word
    if word in ON or word in OFF:
        return "5m" if word in ON else None
    raise PromptError(f"cache must be 5m or 1h, not {shown(value)}")


def _speed(value: Any) -> str:
    if value == "fast":
        return "fast"
    raise PromptError(f"speed must be fast, not {shown(value)}; leave it out for the usual speed")


def _strings(value: Any) -> tuple[str, ...] | None:
    """Return one string or several as a tuple; an empty list leaves the option unset."""
    strings = (value,) if isinstance(value, str) else value
    if not isinstance(strings, Iterable):
        raise PromptError(f"stop_sequences must be strings, not {shown(value)}")
    strings = tuple(plain(text) if isinstance(text, str) else text for text in strings)
    if not all(isinstance(text, str) and text for text in strings):
        raise PromptError("stop_sequences must be strings that are not empty; leave it out to stop nowhere")
    return strings or None


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "stop_sequences": _strings,
    "thinking": _thinking,
    "search": _search,
    "effort": _effort,
    "cache": _cache,
    "speed": _speed,
    "headers": headers.check,
}
