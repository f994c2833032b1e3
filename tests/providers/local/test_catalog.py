"""The names of the model files on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from claude_nb.errors import ConfigError
from claude_nb.notebook.commands import run as run_command
from claude_nb.notebook.completion import words_for
from claude_nb.providers.local import catalog
from claude_nb.widgets.controls import catalogue
from tests.helpers.gguf_files import entry, written
from tests.helpers.sessions import session

DIGEST = "ab" * 32


def ollama(home: Path, name: str, tag: str, *, space: str = "library", digest: str = f"sha256:{DIGEST}") -> Path:
    folder = home / ".ollama" / "models"
    manifest = folder / "manifests" / "registry.ollama.ai" / space / name / tag
    manifest.parent.mkdir(parents=True, exist_ok=True)
    layers = [{"mediaType": "x/license", "digest": "sha256:0"}, {"mediaType": catalog.OLLAMA_KIND, "digest": digest}]
    manifest.write_text(json.dumps({"layers": layers}))
    return written(folder / "blobs" / f"sha256-{DIGEST}", entry("general.license", "mit"))


def test_the_models_of_ollama_have_their_names_there(own_home: Path) -> None:
    blob = ollama(own_home, "llama3.2", "3b")
    ollama(own_home, "phi", "latest", space="someone")
    assert catalog.others() == {"ollama/llama3.2:3b": blob, "ollama/someone/phi:latest": blob}
    file = catalog.find("ollama/llama3.2:3b")
    assert file.path == blob
    assert catalog.label("ollama/llama3.2:3b", file) == f"ollama/llama3.2:3b, {file.bytes} bytes, mit"


def test_the_folder_of_ollama_may_be_elsewhere(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ollama(tmp_path, "llama3.2", "3b")
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / ".ollama" / "models"))
    assert [*catalog.others()] == ["ollama/llama3.2:3b"]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"layers": 1}', '{"layers": [1]}', '{"layers": []}', "[" * 100_000, '{"layers": [{}]}'],
)
def test_a_damaged_manifest_is_left_out(own_home: Path, content: str) -> None:
    ollama(own_home, "good", "1b")
    bad = own_home / ".ollama/models/manifests/registry.ollama.ai/library/bad/1b"
    bad.parent.mkdir()
    bad.write_text(content)
    assert [*catalog.others()] == ["ollama/good:1b"]


@pytest.mark.parametrize(
    "digest", ["sha256:../../../etc/passwd", "sha256:", "md5:abc", "sha256", f"sha256:{'cd' * 32}"]
)
def test_a_manifest_leads_to_no_file_outside(own_home: Path, digest: str) -> None:
    ollama(own_home, "m", "1b", digest=digest)
    assert catalog.others() == {}


def test_the_models_of_lm_studio_have_their_paths_there(own_home: Path) -> None:
    path = written(own_home / ".lmstudio" / "models" / "maker" / "repo" / "a b.gguf")
    written(own_home / ".lmstudio" / "models" / "maker" / "repo" / "mmproj-a.gguf")
    assert catalog.others() == {"lmstudio/maker/repo/a b.gguf": path}


def test_files_beside_the_weights_have_their_own_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_NB_WEIGHTS", str(tmp_path))
    path = written(tmp_path / "mine.gguf")
    assert catalog.others() == {"mine.gguf": path}
    assert catalog.find("mine.gguf").path == path


def test_a_file_is_found_by_its_path_also_below_home(own_home: Path) -> None:
    path = written(own_home / "m.gguf", entry("general.license", "mit"))
    assert catalog.find(str(path)) == catalog.find("~/m.gguf")
    assert catalog.label(str(path), catalog.find(str(path))).startswith("m.gguf, ")


def test_an_unknown_name_says_which_there_are(own_home: Path) -> None:
    ollama(own_home, "llama3.2", "3b")
    with pytest.raises(ConfigError, match=r"use one of 'smollm2-135m-instruct', 'ollama/llama3.2:3b', or the path"):
        catalog.find("llama3.2")


def test_models_are_offered_by_name_in_the_list_at_tab_and_in_the_playground(own_home: Path) -> None:
    ollama(own_home, "llama3.2", "3b")
    user = session()
    user.configure(provider="local")
    shown = str(run_command(user, "/models", {}))
    assert "smollm2-135m-instruct" in shown
    assert "ollama/llama3.2:3b" in shown
    assert "local, free" in shown
    assert "run %claude /fetch-model" in shown
    assert words_for("%claude -p local -m ollama/", "claude", user) == ["ollama/llama3.2:3b"]
    rows = {row["name"]: row for row in catalogue(user.models)["models"]}
    assert rows["ollama/llama3.2:3b"]["providers"] == ["local"]
    assert rows["smollm2-135m-instruct"]["price"] == {"local": [0, 0]}


def test_no_home_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert catalog.others() == {}
