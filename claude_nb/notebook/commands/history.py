"""What was asked before: /history /show /continue /code /forget /restore, and playing it back: /replay /record."""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import Any

from claude_nb.errors import ConfigError, PromptError
from claude_nb.notebook import context
from claude_nb.notebook.arguments import is_variable
from claude_nb.notebook.commands.command import Call, Code, Command, Prompt
from claude_nb.session import continuation
from claude_nb.session.call import Round
from claude_nb.storage.entries import History
from claude_nb.types.reply import Reply


def _history(call: Call) -> History:
    return History(call.session.memory.history.recent(20, call.rest or None))


def _show(call: Call) -> Any:
    row = call.session.memory.history.get(_number(call.rest, "/show 12"))
    if row is None:
        raise PromptError(f"there is no reply {call.rest} in the history; %claude /history lists them")
    return continuation.whole(row.reply)


def _continue(call: Call) -> Round:
    return call.session.continued()


def _code(call: Call) -> Code:
    reply = call.variables.get(call.rest) if call.rest else call.session.last
    if not isinstance(reply, Reply):
        raise PromptError(f"{call.rest} is no reply; name its variable" if call.rest else "there is no reply yet")
    if not reply.python:
        raise PromptError("the reply holds no Python code; ask for it as one block of Python")
    return Code(reply.python)


FIX = """This notebook cell failed. Write the corrected cell as one block of Python code.
Then say in one sentence what was wrong.
{words}
The cell:

```python
{cell}
```

The error:

```
{error}
```"""


def _fix(call: Call) -> Prompt:
    keys = call.session.credentials.known()
    cell, error = context.failed_cell(call.variables, keys), context.error(keys)
    text = FIX.format(words=f"\n{call.rest}\n" if call.rest else "", cell=cell.text, error=error.text)
    return Prompt(text, {"code": True}, tuple(dict.fromkeys(cell.notices + error.notices)))


def _forget(call: Call) -> str:
    store, words = call.session.memory.history, call.rest.split()
    if words == ["--all"]:
        count = store.forget(everything=True)
    elif words[:1] == ["--before"] and len(words) == 2:
        count = store.forget(before=_moment(words[1]))
    else:
        count = store.forget(_number(call.rest, "/forget 12, /forget --before 2026-01-31 or /forget --all"))
    return f"forgot {count} repl{'y' if count == 1 else 'ies'}"


def _restore(call: Call) -> str:
    session = call.session
    store = session.memory.history
    if session.notebook is None:
        raise ConfigError("this front end does not tell which notebook this is; %claude /history and /show ID find it")
    # A history may have been written by anybody; what is restored is what -o can name, and nothing of Python's.
    found = {name: row for name, row in store.latest(session.notebook).items() if is_variable(name)}
    if call.rest:
        found = {name: row for name, row in found.items() if name == call.rest}
    if not found:
        raise PromptError("the history holds no reply of this notebook" + (f" named {call.rest}" if call.rest else ""))
    call.variables.update({name: continuation.whole(row.reply) for name, row in found.items()})
    return "restored " + ", ".join(sorted(found))


def _replay(call: Call) -> str:
    memory, words = call.session.memory, _words(call.rest)
    if "--speed" in words:
        at = words.index("--speed")
        memory.speed = _speed(words[at + 1] if at + 1 < len(words) else "")
        del words[at : at + 2]
    if words:
        memory.replay(words[0], words[1] if len(words) > 1 else None)
    place = f" from {memory.file}" if memory.file else " from the history" if memory.mode != "off" else ""
    return f"replay {memory.mode}{place}"


def _record(call: Call) -> str:
    from claude_nb.storage import recordings

    words = _words(call.rest)
    if len(words) != 1:
        raise PromptError("say which file: %claude /record lesson.jsonl")
    new = call.session.memory.history.recorded(call.session.notebook)
    try:
        old = list(recordings.read(words[0]))
    except ConfigError:
        from pathlib import Path

        if Path(words[0]).exists():
            raise
        old = []
    if not (new or old):
        raise PromptError(f"no replies to record yet: run the cells first, then %claude /record {words[0]}")
    count = recordings.write(words[0], [*old, *new])
    return (
        f"{words[0]} holds {count} repl{'y' if count == 1 else 'ies'}; play them with %claude /replay only {words[0]}"
    )


def _number(text: str, example: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise PromptError(f"say which one: %claude {example}")
    return int(text)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise PromptError(f"{text!r} is not a date; write it like 2026-01-31") from None


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0 <= speed < float("inf"):
        raise PromptError("--speed takes a number: 1 is the original rhythm, 2 twice as fast, 0 at once")
    return speed


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise PromptError(f"{error}; put quotes around a file name with spaces") from None


COMMANDS = (
    Command("history", "/history [WORDS]", "the newest replies, or those that hold these words", _history),
    Command("show", "/show ID", "draw a reply of the history again, also after a page reload", _show),
    Command(
        "continue", "/continue", "go on with the newest reply, which was cut at max_tokens or broke off", _continue
    ),
    Command(
        "fix", "/fix [WORDS]", "send the last error with its cell; the corrected cell comes below, and is not run", _fix
    ),
    Command("code", "/code [NAME]", "the Python of the newest reply, or of NAME: to copy, and in a new cell", _code),
    Command("forget", "/forget ID|--all|--before DATE", "erase from the history", _forget),
    Command(
        "restore", "/restore [NAME]", "this notebook's replies back into their variables, after a restart", _restore
    ),
    Command("replay", "/replay off|use|only [FILE] [--speed N]", "answer from the history or a record file", _replay),
    Command("record", "/record FILE", "write this notebook's replies to a file for replay", _record),
)
