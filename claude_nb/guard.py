"""Call into objects of the user. Whatever they raise becomes one line.

An object of the user may raise anything anywhere: in str(), in a property, in __class__. Every such call goes through
guarded(), every such object in a message through shown().
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeGuard, TypeVar

from claude_nb.errors import ClaudeError, PromptError
from claude_nb.safe_text.visible import one_line

P = ParamSpec("P")
T = TypeVar("T")

MAX_REASON = 200
_name_of = type.__dict__["__name__"].__get__  # a metaclass may override the attribute


def guarded(what: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a function returns; if an object in it raises, raise PromptError with one line.

    A ClaudeError stays as it is, and so does KeyboardInterrupt: the user stops the object. Everything else is caught,
    because some libraries raise a BaseException, and SystemExit would end the kernel.

    what  the object in the message: guarded("{{x}}", str, x) raises "{{x}}: ValueError: ..."
    """
    try:
        return function(*args, **kwargs)
    except (ClaudeError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001  # an object of the user may raise anything
        why = reason(error)
    raise PromptError(f"{what}: {why}")


def attempt(function: Callable[P, T], default: T, *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a function returns, or the default if an object in it raises. KeyboardInterrupt stays."""
    try:
        return function(*args, **kwargs)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  # an object of the user may raise anything
        return default


def is_a(value: object, kinds: type[T] | tuple[type[T], ...]) -> TypeGuard[T]:
    """Return isinstance(); False if the value raises when it is asked for its class."""
    return attempt(isinstance, False, value, kinds)


def reason(error: BaseException, most: int = MAX_REASON) -> str:
    """Return an exception as one line, even if its own text raises: "ValueError: no size"."""
    text = attempt(str, "", error)
    return one_line(f"{kind_of(error)}: {text}" if text.strip() else kind_of(error), most)


def shown(value: Any, most: int = 60) -> str:
    """Return the repr() of a value for a message: one line that is never long, even if repr() raises."""
    return one_line(attempt(repr, f"<{kind_of(value)}>", value), most)


def plain(text: str) -> str:
    """Return the characters of a string, also of a subclass that overrides how they are read."""
    return str.__str__(text)


def kind_of(value: Any) -> str:
    """Return the name of a value's class, even if its metaclass raises."""
    return str(_name_of(type(value)))
