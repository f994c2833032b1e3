"""Limits that a teacher or JupyterHub admin sets for everyone.

The limits guide honest users. Users who run their own Python can avoid them, but they cannot avoid a gateway that
issues keys with limits (docs/teaching.md).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from claude_nb import schema
from claude_nb.errors import ClaudeError, ConfigError
from claude_nb.providers import addresses, folders, registry
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.models import Models
from claude_nb.session import options

FILE = "class.json"


@dataclass(frozen=True, slots=True)
class Policy:
    """Permissions of the calls of a class.

    The demo model is free and always allowed.

    provider  the only provider; None: any            base_url  its address; None: any
    models    the only models, the first is the default; (): any
    budget    US dollars for each kernel; None: no limit
    tools     False: a call may not offer functions to the model
    search    False: a call may not offer tools of the provider's server, such as web search
    note      advice in place of "use -m demo": "Ask Ms. Lee for more."
    source    file or variable that sets the policy
    """

    provider: str | None = None
    base_url: str | None = None
    models: tuple[str, ...] = ()
    budget: float | None = None
    tools: bool = True
    search: bool = True
    note: str = ""
    source: str = ""

    @property
    def defaults(self) -> dict[str, Any]:
        """Settings for calls that do not choose for themselves."""
        fixed = {"provider": self.provider, "base_url": self.base_url, "model": self.models[0] if self.models else None}
        return {name: value for name, value in fixed.items() if value is not None}

    def admit(self, provider: str, model: str | None, base_url: str | None, table: Models) -> None:
        """Raise ConfigError for a call that the policy forbids."""
        if provider == "demo" and (model == "demo" or self.provider != "demo"):
            return
        if self.provider == "demo":
            raise self._refusal("only the demo model may be used here")
        if self.provider and provider != self.provider:
            raise self._refusal(f"only {self.provider} and the demo model may be used here, not {provider}")
        if self.base_url and (base_url or "").rstrip("/") != self.base_url.rstrip("/"):
            raise self._refusal(f"only {self.base_url} may be used here, not {base_url or 'the default address'}")
        if self.models and model:
            allowed = {table.resolve(name, provider) for name in self.models}
            if table.resolve(model, provider) not in allowed:
                raise self._refusal(f"only {', '.join((*self.models, 'demo'))} may be used here, not {model}")

    def admit_tools(self, tools: object, *, of_server: bool = False) -> None:
        """Raise ConfigError if a call offers tools and the policy forbids them."""
        if of_server and tools and not self.search:
            raise self._refusal(
                "models may not search or fetch the web here, nor run code",
                "leave out --search, --fetch and --code-execution",
            )
        if not of_server and tools and not self.tools:
            raise self._refusal("models may not call functions here", "leave out --tools")

    def limit(self, budget: float | None) -> float | None:
        """Return the smaller of this budget and the user's; None if neither is set."""
        return min((limit for limit in (self.budget, budget) if limit is not None), default=None)

    def _refusal(self, problem: str, advice: str = "use -m demo") -> ConfigError:
        return ConfigError(f"{problem} (set in {self.source}); {self.note or advice}")


def load(credentials: Credentials, system: Path | None = None) -> Policy:
    """Read the policy of this machine and user.

    The first of these files counts: class.json of the system, the file in CLAUDE_NB_CLASS, class.json of the user.
    Without a file, CLAUDE_NB_PROVIDER=demo allows only the demo model. A file with a mistake raises ConfigError,
    because ignoring it would allow what it forbids. CLAUDE_NB_API_KEY may go to the base_url of the file.
    """
    policy = _load(credentials, system)
    if policy.base_url:
        credentials.bind(policy.base_url)
    return policy


def _load(credentials: Credentials, system: Path | None) -> Policy:
    named = credentials.setting("CLASS")
    system_file = (system or _system_folder()) / FILE
    if _is_there(system_file):
        return _read(system_file)
    folder = folders.own_folder("config")
    user_file = folders.named(named) if named else folder and folder / FILE
    if user_file and (named or folders.is_file(user_file)):
        return _read(user_file)
    if credentials.setting("PROVIDER") == "demo":
        return Policy(provider="demo", source="CLAUDE_NB_PROVIDER")
    return Policy()


def _is_there(path: Path) -> bool:
    """Return whether a file is there, or may be: a policy that cannot be read is not ignored."""
    try:
        return path.is_file()
    except OSError:
        return True


def _system_folder() -> Path:
    from platformdirs import site_config_path

    return site_config_path("claude_nb", appauthor=False)


def _read(path: Path) -> Policy:
    try:
        return _policy(json.loads(path.read_text(encoding="utf-8")), str(path))
    except OSError as error:
        reason = error.strerror or "not readable"
    except (ValueError, ClaudeError) as error:
        reason = str(error)
    raise ConfigError(f"cannot use the class file {path} ({reason}); ask the person who runs this course to fix it")


def _policy(data: Any, source: str) -> Policy:
    given = {name: value for name, value in data.items() if value is not None} if isinstance(data, dict) else data
    if problem := schema.problem(given, schema.of(Policy)):
        raise ValueError(problem)
    policy: Policy = replace(schema.build(given, Policy), source=source)
    if policy.provider is not None:
        registry.find(policy.provider)
    if "" in (policy.base_url, *policy.models):
        raise ValueError("an address and the name of a model must not be empty")
    if policy.base_url:
        addresses.check(policy.base_url)
    options.check("budget", policy.budget)
    return policy
