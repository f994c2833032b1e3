"""Which model files are on this machine, and what their models are called.

A model is called by the path of its file, or by a short name: that of the small model, ollama/NAME:TAG, or
lmstudio/FOLDER/FILE.gguf.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from claude_nb.errors import ConfigError
from claude_nb.providers import folders
from claude_nb.providers.local import MODEL, gguf, weights
from claude_nb.providers.local.gguf import ModelFile
from claude_nb.render.chars import one_line, size_text

SUFFIX = ".gguf"
MOST_FILES = 200  # that are offered by name
OLLAMA, LM_STUDIO = "ollama/", "lmstudio/"
OLLAMA_KIND = "application/vnd.ollama.image.model"
MOST_MANIFEST_BYTES = 1_000_000
_NOT_A_MANIFEST = (ValueError, TypeError, KeyError, AttributeError, StopIteration)


def find(model: str) -> ModelFile:
    """Return the file of a model. Raises ConfigError with the names that there are."""
    if model == MODEL:
        weights.check()
        return gguf.read(weights.path())
    named = others().get(model)
    if named is None and not (model.lower().endswith(SUFFIX) or os.sep in model):
        known = ", ".join(map(repr, [MODEL, *others()][:10]))
        raise ConfigError(f"no local model {model!r}; use one of {known}, or the path of a GGUF file")
    return gguf.read(named or folders.named(model))


def label(model: str, file: ModelFile) -> str:
    """Return the name, size and license of a model: "SmolLM2-135M-Instruct, 98.4 MB, apache-2.0"."""
    name = weights.NAME if model == MODEL else model if model in others() else Path(model).name
    return ", ".join((one_line(name, 100), size_text(file.bytes), file.license or "license not stated in the file"))


def others() -> dict[str, Path]:
    """Return the files of Ollama and LM Studio, and those in the folder of models, by the names of their models."""
    return dict(islice(_others(), MOST_FILES))


def _others() -> Iterator[tuple[str, Path]]:
    with contextlib.suppress(OSError, ConfigError):
        for path in sorted(weights.folder().glob(f"*{SUFFIX}")):
            if path != weights.path():
                yield path.name, path
    with contextlib.suppress(OSError, RuntimeError):
        yield from _of_ollama(Path(os.environ.get("OLLAMA_MODELS") or Path.home() / ".ollama" / "models"))
    for folder in (".lmstudio/models", ".cache/lm-studio/models"):
        with contextlib.suppress(OSError, RuntimeError):
            yield from _of_lm_studio(Path.home() / folder)


def _of_ollama(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the models of Ollama: a manifest for each tag names a file by its checksum."""
    manifests = folder / "manifests"
    for manifest in sorted(manifests.glob("*/*/*/*")):
        with contextlib.suppress(OSError, RecursionError, *_NOT_A_MANIFEST):
            if manifest.stat().st_size > MOST_MANIFEST_BYTES:
                continue
            layers = json.loads(manifest.read_text(encoding="utf-8"))["layers"]
            digest = next(layer["digest"] for layer in layers if layer["mediaType"] == OLLAMA_KIND)
            kind, _, number = digest.partition(":")
            blob = folder / "blobs" / f"{kind}-{number}"
            if kind == "sha256" and number.isalnum() and blob.is_file():
                space, name, tag = manifest.parts[-3:]
                yield f"{OLLAMA}{'' if space == 'library' else f'{space}/'}{name}:{tag}", blob


def _of_lm_studio(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.glob(f"*/*/*{SUFFIX}")):
        if not path.name.startswith("mmproj"):  # the eyes of a model, which are no model
            yield LM_STUDIO + path.relative_to(folder).as_posix(), path
