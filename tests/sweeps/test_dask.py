"""A sweep on a cluster: two worker processes of Dask give the same replies as this process, each with its own key."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any

import distributed
import pytest

from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.sweeps.api import sweep
from claude_nb.sweeps.evaluation.api import evaluate
from tests.helpers.server import Server, stream

HI = stream(b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')


def new_session() -> Session:
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"}))


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address="127.0.0.1:0") as cluster,
        distributed.Client(cluster) as connected,
    ):
        yield connected


@pytest.fixture
def executor(client: Any) -> Iterator[Executor]:
    with client.get_executor() as made:
        yield made


def test_a_cluster_gives_the_same_replies_as_this_process(executor: Executor) -> None:
    settings: dict[str, Any] = {"temperature": [0, 0.7, 1.5], "seed": 3, "max_tokens": 20, "provider": "demo", "n": 4}
    here = sweep("Once upon a time", session=new_session(), show=False, **settings)
    session = new_session()
    there = sweep("Once upon a time", session=session, show=False, executor=executor, **settings)
    assert [reply.text for reply in there] == [reply.text for reply in here]
    assert len({reply.text for reply in there}) > 4
    assert session.totals.calls == 12


def test_a_cluster_gives_the_same_evaluation_as_this_process(executor: Executor) -> None:
    rows = [{"text": "foxes", "label": "fox"}, {"text": "the sea", "label": "sea"}]
    options: dict[str, Any] = {"expect": "label", "graders": "contains", "provider": "demo", "seed": 2, "show": False}
    prompts = ["Tell me about {{text}}.", "Once upon a time, {{text}}"]
    here = evaluate(prompts, rows, session=new_session(), **options)
    there = evaluate(prompts, rows, session=new_session(), executor=executor, **options)
    assert list(there.rows) == list(here.rows)
    assert list(there.summary()) == list(here.summary())


def test_each_worker_sends_the_key_that_it_finds_itself(client: Any, executor: Executor) -> None:
    with Server([HI]) as server:
        key = {"CLAUDE_NB_API_KEY": "key-of-the-workers", "CLAUDE_NB_BASE_URL": server.url}
        client.run(lambda: os.environ.update(key))
        where: dict[str, Any] = {"provider": "openai-compatible", "model": "m", "base_url": server.url, "n": 4}
        result = sweep(["a", "b"], session=new_session(), show=False, executor=executor, **where)
    assert [reply.text for reply in result] == ["Hi"] * 8
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer key-of-the-workers"}


def test_a_worker_without_a_key_is_a_row_that_says_what_to_do(executor: Executor) -> None:
    result = sweep("Hi", session=new_session(), show=False, executor=executor, provider="aimlapi", n=1, max_tokens=5)
    assert "aimlapi needs a key: set AIMLAPI_API_KEY" in str(result.rows[0]["error"])
