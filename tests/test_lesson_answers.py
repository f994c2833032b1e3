"""The replies of the lesson on data work are what people wrote, and nobody could take them for a model's."""

from __future__ import annotations

from claude_nb.render import reply as footer
from claude_nb.storage import recordings
from scripts.lesson_answers import ANSWERS, LESSON, RECORD

RECORDED = [one.reply for one in recordings.read(RECORD)]


def test_the_record_holds_what_was_written() -> None:
    assert {reply.text for reply in RECORDED} == {text for _, text in ANSWERS}


def test_each_line_says_that_it_was_written_for_the_lesson() -> None:
    for one in recordings.read(RECORD):
        line = footer.line(recordings.as_replay(one))
        assert line.startswith("recorded 20")
        assert "written-for-this-lesson" in line


def test_the_lesson_says_who_wrote_them() -> None:
    assert "written by the authors of the lesson, not by a model" in LESSON.read_text(encoding="utf-8")
