"""The settings of the playground as traits, validated by the model's row of the table.

`catalogue()` is what the front end needs to draw them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import anywidget
import traitlets as t

from claude_nb.errors import ClaudeError, PromptError
from claude_nb.providers import registry
from claude_nb.providers.local import catalog
from claude_nb.providers.model_spec import ModelSpec
from claude_nb.providers.models import Models, shipped
from claude_nb.safe_text.redaction import redact
from claude_nb.session import options
from claude_nb.session.reply_variable import is_variable
from claude_nb.session.session import Session
from claude_nb.types import settings as request_settings

DIALS = (*options.SAMPLING_NAMES, "logprobs", "effort", "thinking")
SETTINGS = ("provider", "model", "system", *DIALS)
ALL = (*SETTINGS, "prompt", "variable")
ASKED = ("provider", "model", *DIALS, "system", "out")
CHOICES = {"effort": request_settings.EFFORTS, "thinking": ("on", "off")}


class BadSetting(PromptError, t.TraitError):
    """A value that a setting does not accept. Also a TraitError, so that traitlets restores the old value."""


class Controls(anywidget.AnyWidget):
    """Settings as traits that can be set, observed and linked. A setting that is None is not sent."""

    provider = t.Unicode("demo").tag(sync=True)
    model = t.Unicode("demo").tag(sync=True)
    system = t.Unicode(None, allow_none=True).tag(sync=True)
    temperature = t.Any(None).tag(sync=True)
    top_p = t.Any(None).tag(sync=True)
    top_k = t.Any(None).tag(sync=True)
    max_tokens = t.Any(None).tag(sync=True)
    seed = t.Any(None).tag(sync=True)
    min_p = t.Any(None).tag(sync=True)
    stop_sequences = t.Any(None).tag(sync=True)
    logprobs = t.Any(None).tag(sync=True)
    effort = t.Any(None).tag(sync=True)
    thinking = t.Any(None).tag(sync=True)
    prompt = t.Unicode("").tag(sync=True, echo_update=False)
    variable = t.Unicode("reply").tag(sync=True)

    def __init__(self, session: Session, settings: dict[str, Any], **traits: Any) -> None:
        self._session = session
        if unknown := [name for name in settings if name not in ALL]:
            raise PromptError(f"the playground has no setting {unknown[0]}; there are {', '.join(ALL)}")
        super().__init__(**traits)
        named = {name: value for name, value in settings.items() if name in ("provider", "model")}
        for name, value in (self._usual(named) | settings).items():
            setattr(self, name, value)
        for group in self.spec.either:
            if len(given := [name for name in group if settings.get(name) is not None]) > 1:
                raise BadSetting(f"{self.spec.label} takes {' or '.join(given)}, not both; leave one out")

    @property
    def spec(self) -> ModelSpec:
        """Return what is known of the chosen model."""
        return self._session.models.spec(self.model, self.provider)

    @property
    def _usual_spec(self) -> ModelSpec:
        """Return the model for the front end: its aliases mean the same at every provider."""
        return self._session.models.spec(self.model)

    @property
    def given(self) -> dict[str, Any]:
        """The settings that are set, by name."""
        return {name: value for name in SETTINGS if (value := getattr(self, name)) is not None}

    def refuse(self, name: str, why: str) -> None:
        """Show a line beside the setting of that name."""
        self.send({"t": "refused", "name": name, "why": redact(why)})

    def _usual(self, named: dict[str, Any]) -> dict[str, Any]:
        """Return the session's settings, provider and model first; {} if it cannot build a request yet."""
        try:
            request = self._session.request("?", **named)
        except ClaudeError:
            return {}
        first = {"provider": request.provider, "model": named.get("model") or request.model}
        own = {name: value for name in SETTINGS if (value := self._session.settings.get(name)) is not None}
        return own | first

    @t.validate(*DIALS)
    def _valid_dial(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        try:
            value = options.check(name, value)
        except (PromptError, TypeError) as error:
            raise BadSetting(str(error)) from None
        if isinstance(value, tuple):
            self._refuse_keys(*value)
            value = list(value) or None
        if value is not None and (reason := self.spec.refusal(name, value)):
            raise BadSetting(reason)
        return value

    @t.validate("prompt", "system")
    def _valid_text(self, proposal: Any) -> Any:
        self._refuse_keys(proposal["value"])
        return proposal["value"]

    def _refuse_keys(self, *values: Any) -> None:
        """Raise BadSetting for a key, because a setting is saved with the notebook."""
        try:
            self._session.config.refuse_keys(*values)
        except PromptError as error:
            raise BadSetting(str(error)) from None

    @t.validate("provider")
    def _valid_provider(self, proposal: Any) -> str:
        try:
            return registry.find(proposal["value"]).name
        except ClaudeError as error:
            raise BadSetting(str(error)) from None

    @t.validate("model")
    def _valid_model(self, proposal: Any) -> str:
        name: str = proposal["value"].strip()
        if not name or len(name) > 200 or not name.isprintable():
            raise BadSetting("model must be the name of a model, on one line")
        self._refuse_keys(name)
        return name

    @t.validate("variable")
    def _valid_variable(self, proposal: Any) -> str:
        name: str = proposal["value"]
        if not is_variable(name):
            raise BadSetting(f"{name[:60]!r} cannot be the name of a variable; use letters, digits and _")
        self._refuse_keys(name)
        return name

    @t.observe("model")
    def _fit_settings(self, _: Any) -> None:
        """Switch off what another model refuses, with the reason beside it."""
        usual = self._usual_spec
        if usual.name in self._session.models.table and self.provider not in usual.ids:
            self.provider = next(iter(usual.ids))
        self._name_version()
        for name in DIALS:
            value = getattr(self, name)
            if value is not None and (reason := self.spec.refusal(name, value)):
                setattr(self, name, None)
                self.refuse(name, f"off: {reason}")
        for name in ("temperature", "top_p"):
            self._one_of_each_group({"name": name, "new": getattr(self, name)})

    @t.observe("provider")
    def _fit_model(self, _: Any) -> None:
        default = registry.find(self.provider).default_model
        usual = self._usual_spec
        if default and usual.name in self._session.models.table and self.provider not in usual.ids:
            self.model = default
        self._name_version()

    def _name_version(self) -> None:
        """Replace an alias that means another model at this provider, because the front end knows one meaning."""
        if self.spec.aliases and self.spec.name != self._usual_spec.name:
            self.model = self.spec.aliases[0]

    @t.observe(*options.SAMPLING_NAMES)
    def _one_of_each_group(self, change: Any) -> None:
        """Of two settings that a model does not accept together, keep the one set last."""
        name = change["name"]
        for group in self.spec.either:
            if change["new"] is None or name not in group:
                continue
            for other in group:
                if other != name and getattr(self, other) is not None:
                    setattr(self, other, None)
                    self.refuse(other, f"off: {self.spec.label} takes {' or '.join(group)}, not both")


def catalogue(models: Models) -> dict[str, Any]:
    """Return what a front end needs to draw the controls of every model; about 9 kB of JSON.

    A refusal without a reason stands for the usual one: "the demo model takes no effort".
    """
    own = [models.spec(name, "local") for name in catalog.others()]
    words: dict[str, list[str]] = {}
    for word in shipped().words:
        words.setdefault(models.spec(word).name, []).append(word)
    return {
        "knobs": [_option(options.BY_NAME[name]) for name in ASKED],
        "choices": {name: list(words) for name, words in CHOICES.items()},
        "providers": [{"name": row.name, "label": row.label} for row in registry.PROVIDERS.values()],
        "models": [
            _model(spec, words.get(spec.name, [])) for spec in (*models.table.values(), *own) if not spec.restricted
        ],
    }


def _option(option: options.Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "label": option.label,
        "help": option.help,
        "flag": option.flags[0],
        "low": option.low,
        "high": option.high,
        "step": option.step,
        "log": option.log,
        "unit": option.unit,
    }


def _model(spec: ModelSpec, words: Iterable[str]) -> dict[str, Any]:
    ranges: dict[str, list[float]] = {name: [low, high] for name, (low, high) in spec.ranges.items()}
    if spec.max_output:
        ranges["max_tokens"] = [1, spec.max_output]
    reasons = {name: (spec.refusal(name) or "").split(";")[0] for name in DIALS}
    usual = {
        name: "" if reason == f"{spec.label} takes no {name}" else reason for name, reason in reasons.items() if reason
    }
    choices = {name: [word for word in words if not spec.refusal(name, word)] for name, words in CHOICES.items()}
    return {
        "name": spec.name,
        "id": spec.aliases[0] if spec.aliases else spec.name,
        "label": spec.label,
        "note": spec.note,
        "providers": list(spec.ids),
        "names": sorted({*spec.aliases, *words, *(model_id.lower() for model_id in spec.ids.values())}),
        "ranges": ranges,
        "choices": {name: words for name, words in choices.items() if words and words != list(CHOICES[name])},
        "either": [list(group) for group in spec.either],
        "refuses": usual,
        "context": spec.context,
        "price": {name: [price.input, price.output] for name, price in spec.prices.items()},
    }
