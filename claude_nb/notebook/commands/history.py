"""Slash commands for past replies.

/history /show /continue /fix /code /forget /restore /replay /record
"""

from __future__ import annotations

import os
import shlex
from datetime import datetime
from typing import Any

from claude_nb.errors import ConfigError, PromptError
from claude_nb.notebook import arguments, context
from claude_nb.notebook.commands.command import Code, Command, Invocation, Prompt
from claude_nb.render.chars import counted, size_text
from claude_nb.session import continuation, reply_variable
from claude_nb.session import options as option_table
from claude_nb.session.call import Round
from claude_nb.storage import trouble
from claude_nb.storage.entries import History, Size
from claude_nb.types.reply import Reply


def _history(call: Invocation) -> History | str:
    store = call.session.memory.history
    return _size(store.size()) if call.text == "--size" else History(store.recent(20, call.text or None))


def _size(size: Size) -> str:
    since = f" since {datetime.fromtimestamp(size.first_s).astimezone():%Y-%m-%d}" if size.first_s else ""
    lines = [f"{trouble.shown(size.path)}: {size_text(size.bytes)}, {counted(size.rows, 'reply')}{since}"]
    if size.set_aside_bytes:
        aside = size_text(size.set_aside_bytes)
        lines.append(f"damaged files beside it: {aside}; %claude /forget --damaged deletes them")
    if size.rows:
        lines.append("%claude /forget --before DATE erases old replies, and /forget --all all of them")
    return "\n".join(lines)


def _show(call: Invocation) -> Any:
    row = call.session.memory.history.get(_number(call.text, "/show 12"))
    if row is None:
        raise PromptError(f"the history has no reply {call.text}; use %claude /history to list the replies")
    return continuation.whole(row.reply)


def _continue(call: Invocation) -> Round:
    typed, rest = arguments.parse(call.text)
    if unknown := rest or " ".join(typed.keys() - {"max_tokens"}):
        raise PromptError(f"/continue takes no {unknown}; write %claude /continue, or %claude /continue -n 500")
    limit = option_table.read(option_table.BY_NAME["max_tokens"], typed["max_tokens"]) if typed else None
    return call.session.continued(max_tokens=limit)


def _code(call: Invocation) -> Code:
    reply = call.variables.get(call.text) if call.text else call.session.last
    if not isinstance(reply, Reply):
        raise PromptError(
            f"{call.text} is not a reply; use the variable of a reply" if call.text else "there are no replies yet"
        )
    if not reply.python:
        raise PromptError("the reply contains no Python code; ask for it as one block of Python")
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


def _fix(call: Invocation) -> Prompt:
    cell, error = context.failed_cell(call.variables), context.error()
    text = FIX.format(words=f"\n{call.text}\n" if call.text else "", cell=cell.text, error=error.text)
    return Prompt(text, {"code": True}, tuple(dict.fromkeys(cell.notices + error.notices)))


def _forget(call: Invocation) -> str:
    if call.text.startswith("prompts."):
        name = call.text.removeprefix("prompts.")
        return f"forgot {counted(call.session.memory.prompts.forget(name), 'version')} of the prompt {name}"
    store, prompts = call.session.memory.history, 0
    match call.text.split():
        case ["--damaged"]:
            return f"deleted {counted(store.erase_set_aside(), 'damaged file')}"
        case ["--all"]:
            prompts = len(store.prompts.versions())
            count = store.forget(everything=True)
        case ["--before", date]:
            count = store.forget(before=_date(date))
        case _:
            count = store.forget(_number(call.text, "/forget 12, /forget --before 2026-01-31 or /forget --all"))
    forgot = f"forgot {counted(count, 'reply')}" + (f" and {counted(prompts, 'version')} of prompts" if prompts else "")
    if call.text.startswith("--") and (files := store.set_aside()):
        hold = "holds" if len(files) == 1 else "hold"
        return f"{forgot}; {', '.join(files)} still {hold} replies, and %claude /forget --damaged deletes them"
    return forgot


def _restore(call: Invocation) -> str:
    session, name = call.session, call.text
    store = session.memory.history
    if session.notebook is None:
        raise ConfigError("the name of this notebook is unknown here; use %claude /history and /show ID instead")
    rows = store.latest(session.notebook)
    if name:
        rows = {name: rows[name]} if name in rows else {}
    # Anybody may have written the history, so only names that -o accepts are restored.
    refused = {variable: why for variable in rows if (why := reply_variable.refusal(variable, call.variables))}
    replies = {variable: continuation.whole(row.reply) for variable, row in rows.items() if variable not in refused}
    kept = [variable for variable in refused if reply_variable.is_variable(variable) and variable in call.variables]
    parts = [] if name else [(row.chat, row.reply) for row in store.recent(None, notebook=session.notebook)]
    talks = {c: talk for c, talk in continuation.restored(parts).items() if c not in session.conversations}
    if name and kept:
        raise PromptError(f"{name} {refused[name]}")
    if not (replies or talks or kept):
        raise PromptError("the history has no reply from this notebook" + (f" in the variable {name}" if name else ""))
    call.variables.update(replies)
    session.conversations |= talks
    lines = [f"restored {', '.join(sorted(replies))}"] if replies else []
    sizes = {chat: counted(len(talk.exchanges), "exchange") for chat, talk in talks.items()}
    lines += [f"restored the conversation {chat} ({sizes[chat]})" for chat in sorted(sizes)]
    lines += [f"left alone: {', '.join(sorted(kept))}, which you have set since"] if kept else []
    return "\n".join(lines)


def _replay(call: Invocation) -> str:
    memory, words = call.session.memory, _words(call.text)
    if "--speed" in words:
        at = words.index("--speed")
        memory.speed = _speed(words[at + 1] if at + 1 < len(words) else "")
        del words[at : at + 2]
    if words:
        memory.replay(words[0], words[1] if len(words) > 1 else None)
    source = f" from {memory.file or 'the history'}" if memory.mode != "off" else ""
    return f"replay {memory.mode}{source}"


def _record(call: Invocation) -> str:
    from claude_nb.storage import recordings

    words = _words(call.text)
    if len(words) != 1:
        raise PromptError("name one file for the recording: %claude /record lesson.jsonl")
    (file,) = words
    replies = [*call.session.memory.history.recorded(call.session.notebook)]
    if os.path.exists(file):  # noqa: PTH110  # Path.exists raises in a folder that the user cannot read
        replies = [*recordings.read(file), *replies]
    if not replies:
        raise PromptError(f"there are no replies to record yet; run the cells first, then %claude /record {file}")
    count = recordings.write(file, replies)
    return f"{file} holds {counted(count, 'reply')}; play them with %claude /replay only {file}"


def _number(text: str, example: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise PromptError(f"give the number of a reply: %claude {example}")
    return int(text)


def _date(text: str) -> datetime:
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
        raise PromptError("--speed takes a number: 1 is the original speed, 2 is twice as fast, 0 waits for nothing")
    return speed


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise PromptError(f"{error}; put quotes around a file name with spaces") from None


COMMANDS = (
    Command(
        "/history [WORDS|--size]", "list the newest replies, those that contain these words, or its size", _history
    ),
    Command("/show ID", "show a reply from the history again, also after a page reload", _show),
    Command(
        "/continue [-n N]", "continue the newest reply, which reached max_tokens or broke off", _continue, "itself"
    ),
    Command(
        "/fix [WORDS]",
        "send the last error and its cell; put the corrected cell below, without running it",
        _fix,
        "prose",
    ),
    Command("/code [NAME]", "print the Python of the newest reply or of NAME, and put it into a new cell", _code),
    Command(
        "/forget ID|prompts.NAME|--all|--before DATE|--damaged",
        "erase replies or a named prompt from the history, or its damaged files",
        _forget,
    ),
    Command("/restore [NAME]", "put this notebook's replies and conversations back after a restart", _restore),
    Command("/replay off|use|only [FILE] [--speed N]", "play replies from the history or a record file", _replay),
    Command("/record FILE", "write this notebook's replies to a file for replay", _record),
)
