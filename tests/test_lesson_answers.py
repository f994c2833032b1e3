"""The replies of lessons 10 to 12 are what people wrote, and nobody could take them for a model's."""

from __future__ import annotations

from pathlib import Path

import pytest

from claude_nb.render import reply as footer
from claude_nb.storage import recordings
from scripts.lesson_answers import ANSWERS

each_lesson = pytest.mark.parametrize("lesson", ANSWERS, ids=lambda lesson: lesson.stem)


@each_lesson
def test_the_record_holds_what_was_written(lesson: Path) -> None:
    recorded = [one.reply for one in recordings.read(lesson.with_suffix(".jsonl"))]
    assert {reply.text for reply in recorded} == {text for _, text in ANSWERS[lesson]}


@each_lesson
def test_each_line_says_that_it_was_written_for_the_lesson(lesson: Path) -> None:
    for one in recordings.read(lesson.with_suffix(".jsonl")):
        line = footer.line(recordings.as_replay(one))
        assert line.startswith("recorded 20")
        assert "written-for-this-lesson" in line


@each_lesson
def test_the_lesson_says_who_wrote_them(lesson: Path) -> None:
    assert "written by the authors of the lesson, not by a model" in lesson.read_text(encoding="utf-8")
