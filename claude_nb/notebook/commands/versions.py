"""Slash command for named prompts: /versions."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.notebook.commands.command import Command, Invocation
from claude_nb.prompting import versions
from claude_nb.render.chars import one_line
from claude_nb.render.table import Table
from claude_nb.render.word_diff import WordDiff
from claude_nb.storage.prompts import SavedPrompts, Score, Version

EXAMPLE = "%claude /versions triage 1 2, or %claude /versions triage --restore 1"


def _versions(call: Invocation) -> Any:
    saved = call.session.memory.prompts
    match call.text.split():
        case []:
            return _names(saved)
        case [name]:
            return _of(saved, name)
        case [name, "--restore", pin]:
            version = versions.find(saved, name, _pin(pin))
            saved.save(name, version.text)
            return f"version {version.number} ({version.id[:8]}) is the newest of {name} again"
        case [name, before, after]:
            return _diff(saved, versions.find(saved, name, _pin(before)), versions.find(saved, name, _pin(after)))
    raise PromptError(f"/versions takes a name and one or two versions; write {EXAMPLE}")


def _names(saved: SavedPrompts) -> Any:
    groups = [(name, [*group]) for name, group in groupby(saved.versions(), key=attrgetter("name"))]
    if not groups:
        return 'no prompt has a name yet; save one with claude_nb.prompt("triage", "Urgent or not? {{text}}")'
    return Table(
        {"prompt": name, "versions": len(found), "newest": one_line(versions.find(saved, name).text, 60)}
        for name, found in groups
    )


def _of(saved: SavedPrompts, name: str) -> Table:
    """Return the versions of a prompt, with the newest result of each in an evaluation."""
    latest = versions.find(saved, name)
    rows = []
    for version in saved.versions(name):
        scores = saved.scores(version)
        rows.append(
            {
                "version": version.number,
                "id": version.id[:8],
                "saved": datetime.fromtimestamp(version.saved_s).astimezone(),
                "passed": _rate(scores[0]) if scores else None,
                "text": one_line(version.text, 60) + (" (newest)" if version.id == latest.id else ""),
            }
        )
    return Table(rows, f"compare two or restore one: {EXAMPLE.replace('triage', name)}" if len(rows) > 1 else "")


def _diff(saved: SavedPrompts, before: Version, after: Version) -> WordDiff:
    """Return the difference of two versions, below the change in the pass rate over the same rows."""
    title = f"{before.name}, version {before.number} to {after.number}"
    later = {(score.cases, score.grader): score for score in saved.scores(after)}
    both = [(score, later[score[:2]]) for score in saved.scores(before) if score[:2] in later]
    changes = [f"{old.grader}: {_rate(old)} to {_rate(new)} of the same rows" for old, new in both]
    return WordDiff(before.text, after.text, " · ".join([title, *changes]))


def _rate(score: Score) -> str:
    return f"{score.passed / score.n:.0%} ({score.passed} of {score.n})"


def _pin(text: str) -> int | str:
    """Return the number of a version, or the start of its id."""
    is_number = text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()
    return int(text) if is_number and len(text) < versions.SHORTEST_ID else text


COMMANDS = (
    Command(
        "/versions [NAME [VERSION VERSION|--restore VERSION]]",
        "list named prompts or the versions of one, compare two of them, or restore one",
        _versions,
        "itself",
    ),
)
