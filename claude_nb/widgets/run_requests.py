"""The requests of the playground: for the chosen model, or for several models to compare."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from claude_nb.errors import ClaudeError
from claude_nb.prompting import template
from claude_nb.providers import registry
from claude_nb.providers.local import weights
from claude_nb.session import request_builder
from claude_nb.session.session import Session
from claude_nb.types.request import Request
from claude_nb.widgets.controls import DIALS, BadSetting

Refuse = Callable[[str, str], None]  # shows a line beside a setting


class Asked(NamedTuple):
    """A request, and the settings that it was made of, by name."""

    request: Request
    given: dict[str, Any]


def build(session: Session, prompt: str, given: Mapping[str, Any], variables: Mapping[str, Any], say: Refuse) -> Asked:
    """Return the request for these settings. Settings that are off do not fall back on the session's."""
    filled = template.fill(prompt, variables)
    values, notices = template.fill_options(given, variables)
    for notice in (*filled.notices, *notices):
        say("prompt", notice)
    bare = copy.copy(session)
    bare.settings = {name: value for name, value in session.settings.items() if name not in ("system", *DIALS)}
    return Asked(bare.build(filled.text, request_builder.checked(values)), dict(given))


def build_each(
    session: Session, prompt: str, given: Mapping[str, Any], variables: Mapping[str, Any], say: Refuse
) -> list[Asked]:
    """Return the requests to compare: the demo model, the local one if it is here, the usual one, the chosen one.

    given  the settings; provider and model are the chosen ones

    A model that cannot be asked is left out, with the reason. Raises ClaudeError if it is the chosen one, and
    BadSetting if only one is left.
    """
    asked: list[Asked] = []
    for settings in _settings_of_each(session, given):
        try:
            asked.append(build(session, prompt, settings, variables, say))
        except ClaudeError as error:
            if settings["provider"] == given["provider"]:
                raise
            say("prompt", f"without {settings['provider']}: {error}")
    if len(asked) < 2:
        raise BadSetting("there is only one model to ask; set a key, or run %claude /fetch-model for a local one")
    return asked


def _settings_of_each(session: Session, given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    usual = session.config.target({})
    names = ["demo", "local"] if weights.are_here() and "local" in registry.PROVIDERS else ["demo"]
    names += [registry.default_name(session.credentials), usual.provider.name, given["provider"]]
    models = {usual.provider.name: usual.model, given["provider"]: given["model"]}
    for name in dict.fromkeys(names):
        if model := models.get(name) or registry.PROVIDERS[name].default_model:
            yield {**_accepted(session, given, name, model), "provider": name, "model": model}


def _accepted(session: Session, given: Mapping[str, Any], provider: str, model: str) -> dict[str, Any]:
    """Return the settings that a model accepts."""
    spec = session.models.spec(model, provider)
    kept = {name: value for name, value in given.items() if name == "system" or not spec.refusal(name, value)}
    for group in spec.either:
        for extra in [name for name in group if name in kept][1:]:
            del kept[extra]
    return kept
