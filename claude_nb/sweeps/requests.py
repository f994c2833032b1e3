"""The requests of a sweep: templates filled, options checked, one for each repeat of a case."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import is_a, shown
from claude_nb.prompting import scope, template
from claude_nb.session import options as option_table
from claude_nb.session import request_builder
from claude_nb.session.session import Session
from claude_nb.types.request import Request

NO_TOOLS = "a sweep calls no functions; leave tools out, or use ask() or %%claude"
SWEPT = tuple(
    option.name
    for option in option_table.OPTIONS
    if option.name in option_table.REQUEST_NAMES and option.name != "tools"
)


class RequestMaker:
    """Makes the requests of cases. Those that differ only in the prompt are checked once.

    variables  values for {{name}}; those of the calling code come after them
    notices    what was cut of the values, each once
    """

    def __init__(self, session: Session, fixed: Mapping[str, Any], variables: Mapping[str, Any] | None) -> None:
        self.notices: dict[str, None] = {}
        self._session = session
        self._fixed = fixed
        self._variables = dict(scope.variables(variables, saved=session.memory.prompts))
        self._known: dict[Hashable, Request] = {}

    def make(self, values: Mapping[str, Any], n: int, row: Mapping[str, Any] | None = None) -> tuple[Request, ...]:
        """Return a request for each repeat of a case. Raises PromptError.

        row  values for {{name}} that come before all others, and never set an option
        """
        settings = {**self._fixed, **values}
        prompt = settings.pop("prompt")
        if not is_a(prompt, str):
            raise PromptError(f"a prompt is a text, not {shown(prompt)}")
        options = {name: settings.pop(name) for name in SWEPT if name in settings}
        names = ChainMap(dict(row or {}), settings, self._variables)
        filled = template.fill(prompt, names, python=True)
        templates = {name: options[name] for name in options if any("{{" in text for text in _texts(options, name))}
        texts, notices = template.fill_options(templates, names, python=True)
        self.notices |= dict.fromkeys((*filled.notices, *notices))
        texts = {name: tuple(value) if is_a(value, list) else value for name, value in texts.items()}
        options |= texts
        # Tables and pictures are compared by identity, which is safe because the axes keep them alive.
        key = tuple((n, value if n in texts or is_a(value, str) else id(value)) for n, value in options.items())
        if key in self._known:
            request = request_builder.with_prompt(self._session.config, self._known[key], filled.text)
        else:
            request = self._known[key] = self._session.build(filled.text, request_builder.checked(options))
        return tuple(replace(request, repeat=repeat) for repeat in range(n))


def with_prompts(session: Session, prompt: Any, variables: Mapping[str, Any] | None) -> Any:
    """Put the texts of named prompts into a prompt, or into several, so that their {{name}} count as its own."""
    names = scope.variables(variables, saved=session.memory.prompts)

    def full(each: Any) -> Any:
        return template.expanded(each, names) if is_a(each, str) else each

    if is_a(prompt, Mapping):
        return {name: full(each) for name, each in prompt.items()}
    return [full(each) for each in prompt] if is_a(prompt, list) else full(prompt)


def is_input(name: str) -> bool:
    """Return whether a name stands for {{name}} in the prompt, and is not an option."""
    return name not in SWEPT and name != "prompt"


def check_names(fixed: Mapping[str, Any], axes: Mapping[str, tuple[Any, ...]]) -> None:
    """Raise PromptError unless each name is an option of a call, or a variable that some text uses."""
    texts = [*_texts(fixed), *_texts(axes)]
    used = set[str]().union(*map(template.names, texts))
    for name in filter(is_input, {**fixed, **axes}):
        if name in option_table.BY_NAME:
            raise PromptError(f"{name} cannot be varied in a sweep" if name not in ("tools", "yes") else NO_TOOLS)
        if name in used:
            continue
        if any("{{" in text for text in texts):
            raise PromptError(f"no prompt contains {{{{{name}}}}}; add it, or leave {name} out")
        option_table.find(name)  # raises, with the nearest option


def used_names(prompt: Any, settings: Mapping[str, Any]) -> set[str]:
    """Return the names that the prompt or an option uses as {{name}}."""
    return set[str]().union(*map(template.names, _texts({"prompt": prompt, **settings})))


def _texts(settings: Mapping[str, Any], *names: str) -> Iterator[str]:
    """Yield the texts in which {{name}} is filled: prompts, options, and the values of their axes."""
    for name in names or settings:
        if not is_input(name) and name not in template.NOT_FILLED:
            yield from _strings(settings[name])


def _strings(value: Any) -> Iterator[str]:
    if is_a(value, str):
        yield value
    elif is_a(value, (list, tuple)):
        for item in value:
            yield from _strings(item)
