"""The kernel driver that other tests rely on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.kernel import Kernel


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel(env={"COLOUR": "green"}) as started:
        yield started


def test_a_cell_shows_what_a_front_end_would_save(kernel: Kernel) -> None:
    result = kernel.run(
        "from IPython.display import display\n"
        "print('a', flush=True); print('b')\n"
        "shown = display({'text/plain': 'first'}, raw=True, display_id=True)\n"
        "shown.update({'text/plain': 'last'}, raw=True)\n"
        "1 + 1"
    )
    assert [output.output_type for output in result.outputs] == ["stream", "display_data", "execute_result"]
    assert result.outputs[0].text == result.text == "a\nb\n"
    assert result.outputs[1].data == {"text/plain": "last"}
    assert result.error is None
    assert result.size > 500


def test_an_error_is_told_and_values_can_be_read(kernel: Kernel) -> None:
    assert kernel.run("x = [1, 2]\n1 / 0").error == "ZeroDivisionError: division by zero"
    assert kernel.get("x") == [1, 2]


def test_the_home_is_empty_and_without_keys(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-not-for-tests")
    with Kernel() as fresh:
        names = fresh.get("sorted(__import__('os').environ)")
        assert not [name for name in names if "KEY" in name and "KEYRING" not in name]
        assert fresh.get("__import__('os').environ['HOME']") == str(fresh.home)
    assert kernel.get("__import__('os').environ['COLOUR']") == "green"


def test_a_running_cell_can_be_interrupted(kernel: Kernel) -> None:
    running = kernel.start("print('on', flush=True)\nimport time\ntime.sleep(60)")
    running.until(lambda result: "on" in result.text)
    kernel.interrupt()
    assert (running.wait().error or "").startswith("KeyboardInterrupt")


def test_input_is_answered_and_the_cell_id_arrives(kernel: Kernel) -> None:
    assert kernel.run("print(input('name? '))", answers=["Ada"]).text == "Ada\n"
    assert kernel.run("input()", allow_stdin=False).error is not None
    cell = kernel.run("print(get_ipython().kernel.get_parent()['metadata'])", cell_id="abc-1")
    assert "abc-1" in cell.text


def test_a_killed_kernel_is_noticed() -> None:
    with Kernel() as kernel:
        running = kernel.start("import time; time.sleep(60)")
        kernel.kill()
        with pytest.raises(RuntimeError, match="died"):
            running.wait()
