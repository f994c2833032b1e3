"""Search the history: parts of words in any script, the newest first, and without a look at every row."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_nb.storage import database, words
from claude_nb.storage.store import Store
from claude_nb.types.reply import Reply
from tests.helpers.turns import ask, kept

TEXT = (
    "Rayleigh scattering: the sky is blue; naïve CAFÉ in Straße 12, np.linalg.norm(x) -> 50% of snake_case\n"
    "空はなぜ青いのですか 대한민국 ภาษาไทย Привет Ёж हिन्दी ﬁne ｆｕｌｌ e\u0301te\u0301 don't “quoted” "
    "C++ #tag 🙂 a1f9c3"
)
FOUND = [
    *("rayleigh", "RAYLEIGH", "ayleig", "ay", "y", "sky is", "blue;", "blue", "cafe", "café", "naive", "NAÏVE"),
    *("strasse", "STRASSE", "straße", "ras", "np.linalg", "linalg.norm(x)", ".norm", "->", "50%", "%", "_", "e_c"),
    *("青い", "青", "なぜ青い", "空は", "か", "대한", "민국", "ไทย", "ษา", "прив", "ёж", "еж", "हिन्दी", "न्द"),
    *("fine", "full", "été", "ete", "don't", "don", "“quoted”", "quoted", '"quoted"', "c++", "#tag", "🙂", "1f9"),
]
MISSED = [
    *("rayleight", "skies", "cow", "青空", "いな", "50_", "s%y", "s_y", "大", "xray", "norm(y)", "😀"),
    *("sky cow", "rayleigh 青空", "NEAR(sky blue)", "text:sky", "sky NOT cow"),
]


@pytest.fixture(scope="module")
def haystack(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A history that is only read here. A warning is an error."""
    store = Store(tmp_path_factory.mktemp("haystack") / "history.db", warn=pytest.fail)
    kept(store, ask("An older one"), TEXT)
    for number in range(10):
        kept(store, ask(f"question {number}"), f"answer {number}")
    return store


@pytest.mark.parametrize("query", FOUND)
def test_any_part_of_a_word_is_found(haystack: Store, query: str) -> None:
    assert [row.reply.prompt for row in haystack.recent(5, query)][-1:] == ["An older one"]


@pytest.mark.parametrize("query", MISSED)
def test_what_is_not_there_is_not_found(haystack: Store, query: str) -> None:
    assert haystack.recent(None, query) == []


def test_matches_are_newest_first_and_as_many_as_asked_for(store: Store) -> None:
    ids = [kept(store, ask(f"{'even' if n % 2 == 0 else 'odd'} {n}"), notebook=f"n{n % 3}") for n in range(20)]
    assert [row.id for row in store.recent(3, "eve")] == [ids[18], ids[16], ids[14]]
    assert [row.id for row in store.recent(2, "even", notebook="n1")] == [ids[16], ids[10]]
    assert len(store.recent(None, "even")) == 10
    assert store.recent(0, "even") == []


def test_a_running_reply_is_found_among_the_finished_ones(store: Store) -> None:
    first = kept(store, ask("green tea"))
    running = store.begin(ask("green grass"))
    store.progress(running, "it grows")
    last = kept(store, ask("green light"))
    assert [row.id for row in store.recent(search="green")] == [last, running, first]
    assert [row.id for row in store.recent(search="grows")] == [running]


def test_a_long_word_is_found_by_any_of_its_parts(store: Store) -> None:
    data = "".join(f"{number:x}" for number in range(3000))
    row_id = kept(store, ask("encoded"), data)
    for place in range(0, len(data) - 40, 97):
        for length in (3, 32, 33, 40):
            assert [row.id for row in store.recent(search=data[place : place + length])] == [row_id]


def test_a_reply_that_ends_twice_is_found_by_its_last_text(store: Store) -> None:
    row_id = store.begin(ask())
    store.finish(row_id, Reply(ask(), "first ending"))
    store.finish(row_id, Reply(ask(), "second ending"))
    assert store.recent(search="first") == []
    assert [row.id for row in store.recent(search="second")] == [row_id]


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=4), st.integers(0, 200), st.integers(1, 12))
def test_the_index_never_hides_a_row(texts: list[str], start: int, length: int) -> None:
    folded = words.fold(" ".join(texts))
    query = folded[start % len(folded) :][:length].split() if folded else []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "h.db", warn=pytest.fail)
        row_id = kept(store, ask("x"), " ".join(texts))
        if query:
            assert [row.id for row in store.recent(search=" ".join(query))] == [row_id]


@contextlib.contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """Count the steps of SQLite's virtual machine, in hundreds."""
    connect, steps = database.connect, [0]

    def counting(path: Path) -> sqlite3.Connection:
        def step() -> None:
            steps[0] += 1

        connection = connect(path)
        connection.set_progress_handler(step, 100)
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(database, "connect", counting)
        yield lambda: steps[0]


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Histories of two sizes."""
    paths = {}
    for size in (200, 2000):
        store = Store(tmp_path_factory.mktemp(f"rows{size}") / "history.db", warn=pytest.fail)
        asked = [ask(f"question number {number}") for number in range(size)]
        ids = store.rows_of(store.begin_all(asked, notebook="n.ipynb"))
        for row_id, request in zip(ids, asked, strict=True):
            store.finish(row_id, Reply(request, f"the answer is {request.prompt[-1]} " * 20), delay_s=60)
        store.flush(60)
        paths[size] = store.path
    return paths


WAYS: dict[str, Callable[[Store], object]] = {
    "a common word": lambda store: store.recent(20, "answer"),
    "a part of it": lambda store: store.recent(20, "nswe"),
    "a rare word": lambda store: store.recent(20, "question 77"),
    "a word that is not there": lambda store: store.recent(20, "xylophone"),
    "two letters that are not there": lambda store: store.recent(20, "qz"),
    "signs that are not there": lambda store: store.recent(20, "=>"),
    "the newest": lambda store: store.recent(20),
    "a look-up": lambda store: store.find(ask("question number 7")),
    "a look-up in vain": lambda store: store.find(ask("never asked")),
    "a forgotten row": lambda store: store.forget(150),
    "the first reply of a kernel": lambda store: kept(store, ask("first")),
}


@pytest.mark.parametrize("way", WAYS)
def test_work_does_not_grow_with_the_rows(
    way: str, sizes: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {}
    for size, path in sizes.items():
        copy = tmp_path / f"{size}.db"
        copy.write_bytes(path.read_bytes())
        store = Store(copy, warn=pytest.fail)
        monkeypatch.setattr(store._file, "_checked", True)  # a small file is checked as a whole, once
        with counted(monkeypatch) as steps:
            WAYS[way](store)
            counts[size] = steps()
    # Of the words, of which each row has one of its own, all are looked at.
    assert counts[2000] - counts[200] <= 1800 * 12 / 100 + 20


def test_search_works_in_a_sqlite_without_full_text_search(
    store: Store, monkeypatch: pytest.MonkeyPatch, warnings: list[str]
) -> None:
    monkeypatch.setattr(words, "INDEX", "CREATE VIRTUAL TABLE word_index USING no_such_module(words)")
    kept(store, ask("Why is the sky blue?"))
    row_id = kept(store, ask("Why is the grass green?"))
    assert [row.id for row in store.recent(search="gras")] == [row_id]
    assert store.forget(row_id) == 1
    assert not store.tidy()
    assert warnings == []
    monkeypatch.undo()
    kept(store, ask("later, with full-text search"))
    assert [row.reply.prompt for row in store.recent(search="sky")] == ["Why is the sky blue?"]
