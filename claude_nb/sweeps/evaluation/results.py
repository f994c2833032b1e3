"""The replies of an evaluation by row and variant, with their grades."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import attempt, is_a, shown
from claude_nb.render.chars import counted, terminal_safe
from claude_nb.session.session import Session
from claude_nb.sweeps.evaluation.cells import Cell, not_graded
from claude_nb.sweeps.evaluation.grader import Grader
from claude_nb.sweeps.evaluation.judge import Judge
from claude_nb.sweeps.evaluation.table import EvaluationTable
from claude_nb.sweeps.metrics.grades import Grade
from claude_nb.sweeps.run_options import RunOptions
from claude_nb.sweeps.sweep import Sweep, SweepObserver
from claude_nb.types.reply import Reply

Place = tuple[int, int]  # case and repeat


class EvaluationResults(Sweep):
    """A sweep over the rows of a table and the variants of a prompt, which grades each reply.

    table    the rows, the variants and what is expected
    graders  by name
    grades   of each reply, by case and repeat
    votes    the replies of each judge, by what identifies their request
    notes    how well each judge agrees with people
    judge_usd  what each judge cost for a reply, by case and repeat
    """

    def __init__(
        self,
        table: EvaluationTable,
        graders: Mapping[str, Grader],
        *,
        session: Session | None = None,
        run_options: RunOptions | None = None,
        name: str | None = None,
        observer: SweepObserver | None = None,
    ) -> None:
        super().__init__(table.plan, session=session, run_options=run_options, name=name, observer=observer)
        self.table = table
        self.graders = dict(graders)
        self.grades: dict[Place, dict[str, Grade]] = {}
        self.votes: dict[str, dict[tuple[str, int], Reply]] = {}
        self.notes: dict[str, str] = {}
        self.judge_usd: dict[Place, dict[str, float | None]] = {}

    @property
    def variants(self) -> tuple[str, ...]:
        """The names of the variants."""
        return self.table.variants

    def put(self, replies: Mapping[Place, Reply]) -> None:
        """Add replies, and grade them.

        Args:
            replies: The replies by (case, repeat).

        Example:
            >>> result.put({(0, 0): reply})  # doctest: +SKIP
        """
        super().put(replies)
        for place in replies:
            self.grades.pop(place, None)
        self.grade()

    def grade(self) -> None:
        """Grade the replies that have no grades yet, also those at which a stop left off."""
        for place in self._replies.keys() - self.grades.keys():
            self.grades[place] = self._graded(place, self.graders)

    def cell(self, row: int, variant: int | str = 0, repeat: int = 0) -> Cell:
        """Return a cell.

        Args:
            row: Index of the row, from 0.
            variant: Index or name of the variant.
            repeat: Number of the repeat, from 0.

        Returns:
            The cell, with its reply if there is one.

        Raises:
            PromptError: There is no such cell.

        Example:
            >>> result.cell(17, "short").reason  # doctest: +SKIP
        """
        variant = self.variant(variant)
        if not (0 <= row < len(self.table.rows) and 0 <= repeat < self.n):
            raise PromptError(f"there is no row {row} with repeat {repeat} in {len(self.table.rows)} rows")
        return self._cell(row * len(self.variants) + variant, repeat)

    def cells(self) -> Iterator[Cell]:
        """Yield all cells, row by row, also those without a reply.

        Yields:
            Each cell.

        Example:
            >>> [cell.reason for cell in result.cells() if cell.outcome == "failed"]  # doctest: +SKIP
        """
        for case in range(len(self.cases)):
            for repeat in range(self.n):
                yield self._cell(case, repeat)

    def variant(self, name: int | str) -> int:
        """Return the index of a variant.

        Args:
            name: Its name or index.

        Returns:
            The index, from 0.

        Raises:
            PromptError: There is no such variant.

        Example:
            >>> result.variant("short")  # doctest: +SKIP
        """
        if is_a(name, int) and not is_a(name, bool) and 0 <= name < len(self.variants):
            return name
        if name in self.variants:
            return self.variants.index(str(name))
        if len(self.variants) == 1 and is_a(name, int):
            raise PromptError("there is only one variant; pass two prompts, or a list as an option, to compare them")
        raise PromptError(f"there is no variant {shown(name)}; use one of {', '.join(self.variants)}")

    def _cell(self, case: int, repeat: int) -> Cell:
        row, variant = divmod(case, len(self.variants))
        planned = self.cases[case]
        return Cell(
            row=row,
            variant=variant,
            repeat=repeat,
            values=self.table.rows[row],
            request=planned.requests[repeat] if planned.requests else None,
            expected=self.table.expected[row],
            reply=self._replies.get((case, repeat)),
            grades=self._noted(self.grades.get((case, repeat), {})),
            locked=planned.locked,
        )

    def _noted(self, grades: Mapping[str, Grade]) -> Mapping[str, Grade]:
        """Return grades with what is known about their judges."""
        notes = {name: replace(grades[name], note=note) for name, note in self.notes.items() if name in grades}
        return {**grades, **notes} if notes else grades

    def _graded(self, place: Place, graders: Mapping[str, Grader]) -> dict[str, Grade]:
        """Return the grades of a reply; none for one that is not graded."""
        reply, row = self._replies[place], place[0] // len(self.variants)
        if not_graded(reply):
            return {}
        expected, values = self.table.expected[row], self.table.rows[row]
        instant = {name: grader for name, grader in graders.items() if not isinstance(grader, Judge)}
        return {name: grader.grade(reply, expected, values) for name, grader in instant.items()}

    def best(self, key: str | Callable[[dict[str, Any]], float | None] = "pass") -> dict[str, Any]:
        """Return the summary row of the variant with the highest value. compare() says whether that is chance.

        Args:
            key: A column of the summary, such as "pass" or "score", or a function of a summary row.

        Raises:
            PromptError: No variant has a value.

        Example:
            >>> result.best()["variant"]  # doctest: +SKIP
        """
        value_of = itemgetter(key) if isinstance(key, str) else key
        summary = self.summary()
        known = [(value, row) for row in summary if (value := attempt(value_of, None, row)) is not None]
        if not known:
            columns = ", ".join(summary.columns)
            raise PromptError(f"no variant has a value for {shown(key)}; use a column of the summary: {columns}")
        return max(known, key=itemgetter(0))[1]

    def __repr__(self) -> str:
        left = f", {self.left:,} missing" if self.left else ""
        sizes = f"{counted(len(self.table.rows), 'row')}, {counted(len(self.variants), 'variant')}"
        return terminal_safe(f"<Evaluation {self.id}: {sizes}{left}>")
