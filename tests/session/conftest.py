"""Fixtures of the session's tests."""

from __future__ import annotations

import builtins
from collections.abc import Callable

import pytest

from claude_nb.session import frontend


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Put a person in front of the session, who gives these answers. Returns the questions."""

    def answering(*answers: str | BaseException) -> list[str]:
        questions: list[str] = []
        left = list(answers)

        def answer_next(question: str) -> str:
            questions.append(question)
            found = left.pop(0)
            if isinstance(found, BaseException):
                raise found
            return found

        monkeypatch.setattr(frontend, "can_answer", lambda: True)
        monkeypatch.setattr(builtins, "input", answer_next)
        return questions

    return answering
