"""What a stranger gets: one version, pins that name no place, a wheel with everything in it."""

from __future__ import annotations

import importlib.metadata
import json
import pkgutil
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

import claude_nb

ROOT = Path(__file__).resolve().parent.parent


def committed() -> list[Path]:
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


needs_git = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone: the list of files is git's")


def test_the_version_is_the_same_everywhere() -> None:
    version = claude_nb.__version__
    assert importlib.metadata.version("claude-nb") == version
    assert re.search(rf'^version = "{re.escape(version)}"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("kind", ["demo", "dev", "litellm"])
def test_every_requirement_is_pinned_and_names_no_index(kind: str) -> None:
    lines = (ROOT / f"requirements-{kind}.txt").read_text().splitlines()
    assert len(lines) > 20
    for line in lines:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*==[\w.]+( ; .+)?", line), line


def test_the_demo_installs_the_versions_that_are_tested() -> None:
    tested = (ROOT / "requirements-dev.txt").read_text().split()
    for pin in (line.split()[0] for line in (ROOT / "requirements-demo.txt").read_text().splitlines()):
        assert pin in tested


def test_what_pyproject_asks_for_is_pinned() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    asked = re.findall(r'^    "([a-z][a-z0-9-]*)(?:\[\w+\])?[<>=]', project, re.MULTILINE)
    pins = "\n".join((ROOT / f"requirements-{kind}.txt").read_text() for kind in ("dev", "litellm"))
    pinned = re.findall(r"^([a-z0-9.-]+)==", pins, re.MULTILINE)
    assert len(asked) > 20
    assert set(asked) <= set(pinned)


def test_the_javascript_pins_name_no_registry() -> None:
    lock = json.loads((ROOT / "js" / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    package = json.loads((ROOT / "js" / "package.json").read_text())
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["devDependencies"].values())


@needs_git
def test_no_committed_file_names_a_package_registry() -> None:
    hosts = re.compile(rb"https?://[\w.-]*(pypi\.org|pythonhosted\.org|registry\.npmjs\.org|registry\.yarnpkg\.com)")
    assert not [path for path in committed() if hosts.search(path.read_bytes())]


@needs_git
def test_no_source_file_is_long() -> None:
    """Every file of the product can be read in one sitting; built files are not for reading."""
    folders = (ROOT / "claude_nb", ROOT / "js" / "src")
    sources = [path for path in committed() if path.suffix in (".py", ".js") and "static" not in path.parts]
    sources = [path for path in sources if any(folder in path.parents for folder in folders)]
    assert sources
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources}
    assert not {name: length for name, length in lengths.items() if length > 300}


def test_the_wheel_holds_the_types_the_tables_and_the_widgets(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    on_disk = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "claude_nb").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"claude_nb/py.typed", "claude_nb/providers/models.json"} <= inside
    assert inside >= on_disk
    assert not [name for name in inside if not name.startswith(("claude_nb/", "claude_nb-"))]


def test_the_package_imports_nothing_heavy() -> None:
    heavy = ["anywidget", "httpx", "ipywidgets", "markdown_it", "pygments", "sqlite3", "claude_nb.demo"]
    code = f"import sys, claude_nb; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def hooks() -> list[dict]:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"  # nothing is fetched
    return repository["hooks"]


def test_pre_commit_runs_what_make_check_runs() -> None:
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    commands = [line.replace("$(BIN)", ".venv/bin").replace("$(MAKE)", "make") for line in recipe[1].split("\n\t")]
    entries = [hook["entry"].removesuffix(" --force-exclude") for hook in hooks()]
    assert entries == [command.strip() for command in commands]


@needs_git
@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: hook["id"])
def test_a_hook_uses_what_is_installed_and_runs_for_some_files(hook: dict) -> None:
    assert hook["language"] == "system"
    assert hook.get("types_or") == ["python", "jupyter"] or hook["pass_filenames"] is False
    pattern = hook.get("files", "")
    names = [path.relative_to(ROOT).as_posix() for path in committed()]
    assert any(re.search(pattern, name) for name in names)


def test_the_tour_of_the_files_names_every_module() -> None:
    tour = (ROOT / "CONTRIBUTING.md").read_text()
    here = [path for path in (ROOT / "claude_nb").iterdir() if path.name[0] not in "_." and path.name != "py.typed"]
    names = [f"{path.name}/" if path.is_dir() else path.name for path in here]
    assert not [name for name in names if f"`{name}`" not in tour]


def test_the_tour_names_files_and_functions_that_exist() -> None:
    tour = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    quoted = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", tour, flags=re.DOTALL))
    paths = [name for name in quoted if re.fullmatch(r"[\w./-]*/[\w./-]+", name) and "NAME" not in name]
    assert not [name for name in paths if not ((ROOT / name).exists() or (ROOT / "claude_nb" / name).exists())]
    steps = tour.partition("## The path of one cell")[2].partition("\n## ")[0]
    names = re.findall(r"`(\w+(?:\.\w+)+)`", steps)
    assert len(names) > 10
    for name in names:
        pkgutil.resolve_name(f"claude_nb.session.session.{name}" if name[0].isupper() else f"claude_nb.{name}")


def picture() -> str:
    """Draw who may import whom: each room hangs from those that may import it."""
    layers = re.search(r"^layers = \[.*?\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE)
    assert layers
    floors = [floor.replace(" : ", ", ") for floor in re.findall(r'^    "(.+)",', layers[1], re.MULTILINE)]
    return "".join(
        f"{'   ' * (depth - 1)}└─ {floor}\n" if depth else f"{floor}\n" for depth, floor in enumerate(floors)
    )


def test_the_picture_of_the_rooms_is_that_of_the_contract() -> None:
    tour = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    drawn = re.search(r"<!-- picture -->\n```text\n(.*?)```\n<!-- /picture -->", tour, re.DOTALL)
    assert drawn
    assert drawn[1] == picture()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "claude_nb" / "render" / "static").glob("*.[jc]s*")), ids=lambda path: path.name
)
def test_no_widget_loads_anything_or_runs_text_as_code(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    reach = r"\bfetch\s*\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts|\bimport\s*\(|\bfrom\s*[\"']"
    code = r"\beval\s*\(|new Function|document\.write|insertAdjacentHTML"
    style = r"@import|url\(\s*[\"']?(?!data:)"
    assert not re.findall(style if path.suffix == ".css" else f"{reach}|{code}", text)


def test_few_packages_are_needed_and_none_in_one_version_only() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.findall(r'"(.+?)"', re.search(r"^dependencies = \[(.*?)\n\]", project, re.DOTALL | re.MULTILINE)[1])  # type: ignore[index]
    assert 0 < len(needed) <= 9  # the ninth, latex2mathml, draws formulas where nothing typesets them
    assert all(re.fullmatch(r"[a-z0-9-]+>=[\d.]+(,<\d[\d.]*)?", one) for one in needed), needed
