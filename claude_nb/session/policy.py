"""What a teacher or the admin of a JupyterHub fixes for everyone: provider, address, models, budget, tools.

It keeps honest people on the path. Somebody who runs their own Python can step around it; what nobody can step around
is a gateway that hands out keys with limits (docs/teaching.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claude_nb.errors import ClaudeError, ConfigError
from claude_nb.providers import registry
from claude_nb.providers.credentials import Credentials, settings_folder
from claude_nb.providers.models import Models
from claude_nb.session import options

FILE = "class.json"
NAMES = ("provider", "base_url", "models", "budget", "tools", "note")


@dataclass(frozen=True, slots=True)
class Policy:
    """What is fixed; the demo model is free and is always allowed.

    provider  the only one to ask; None: any          base_url  its address; None: any
    models    the only ones, the first is the default; (): any
    budget    US dollars for each kernel; None: no limit
    tools     False: models may be offered no functions to call
    note      a sentence for those who are refused: "Ask Ms. Lee for more."
    source    where this is written
    """

    provider: str | None = None
    base_url: str | None = None
    models: tuple[str, ...] = ()
    budget: float | None = None
    tools: bool = True
    note: str = ""
    source: str = ""

    @property
    def defaults(self) -> dict[str, Any]:
        """Settings for calls that name nothing."""
        fixed = {"provider": self.provider, "base_url": self.base_url, "model": self.models[0] if self.models else None}
        return {name: value for name, value in fixed.items() if value is not None}

    def admit(self, provider: str, model: str | None, base_url: str | None, table: Models) -> None:
        """Raises ConfigError for a call that is not allowed."""
        if provider == "demo" and (model == "demo" or self.provider != "demo"):
            return
        if self.provider == "demo":
            raise self._refusal("only the demo model is asked here")
        if self.provider and provider != self.provider:
            raise self._refusal(f"only {self.provider} and the demo model are asked here, not {provider}")
        if self.base_url and (base_url or "").rstrip("/") != self.base_url.rstrip("/"):
            raise self._refusal(f"only {self.base_url} is asked here, not {base_url or 'the usual address'}")
        if self.models and model:
            allowed = {table.resolve(name, provider) for name in self.models}
            if table.resolve(model, provider) not in allowed:
                raise self._refusal(f"the models here are {', '.join((*self.models, 'demo'))}, not {model}")

    def admit_tools(self, tools: object) -> None:
        """Raises ConfigError when there are any, and there may be none."""
        if tools and not self.tools:
            raise self._refusal("models call no functions here", "leave --tools out")

    def limit(self, own: float | None) -> float | None:
        """The budget that holds: the smaller of this and the user's own."""
        return min((one for one in (self.budget, own) if one is not None), default=None)

    def _refusal(self, what: str, instead: str = "use -m demo") -> ConfigError:
        return ConfigError(f"{what} (set in {self.source}); {self.note or instead}")


def load(credentials: Credentials, system: Path | None = None) -> Policy:
    """The first there is: class.json of the system, the file that CLAUDE_NB_CLASS names, class.json of the user.

    Without a file CLAUDE_NB_PROVIDER=demo is a rule, too: nothing but the demo model. Raises ConfigError for a file
    that cannot be used, so that a slip in it does not open what it should close.
    """
    named = credentials.setting("CLASS")
    fixed = (system or _system_folder()) / FILE
    own = Path(named).expanduser() if named else settings_folder() / FILE
    if fixed.is_file():
        return _read(fixed)
    if named or own.is_file():
        return _read(own)
    if credentials.setting("PROVIDER") == "demo":
        return Policy(provider="demo", source="CLAUDE_NB_PROVIDER")
    return Policy()


def _system_folder() -> Path:
    from platformdirs import site_config_path

    return site_config_path("claude_nb", appauthor=False)


def _read(path: Path) -> Policy:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return _rules(data, str(path))
    except OSError as error:
        why = error.strerror or "not readable"
    except (ValueError, TypeError, ClaudeError) as error:
        why = str(error)
    raise ConfigError(f"cannot use the class file {path} ({why}); whoever runs this course can mend it")


def _rules(data: Any, source: str) -> Policy:
    if not isinstance(data, Mapping):
        raise TypeError("it must hold an object")
    if others := sorted(set(data) - set(NAMES)):
        raise ValueError(f"{others[0]!r} is none of {', '.join(NAMES)}")
    texts = {name: data.get(name) for name in ("provider", "base_url", "note")}
    if not all(value is None or (isinstance(value, str) and value) for value in texts.values()):
        raise TypeError("provider, base_url and note are texts")
    if texts["provider"]:
        registry.find(texts["provider"])
    models = data.get("models") or []
    if not isinstance(models, list) or not all(isinstance(name, str) and name for name in models):
        raise TypeError("models is a list of names")
    budget, tools = options.check("budget", data.get("budget")), data.get("tools", True)
    if not isinstance(tools, bool):
        raise TypeError("tools is true or false")
    return Policy(texts["provider"], texts["base_url"], tuple(models), budget, tools, texts["note"] or "", source)
