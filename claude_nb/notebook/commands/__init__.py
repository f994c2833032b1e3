"""The slash commands of the line magic: %claude /models, %claude /history ..."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.notebook import arguments
from claude_nb.notebook.commands import batches, history, keys, local, models, settings, usage, versions, widgets
from claude_nb.notebook.commands.command import Command, Invocation
from claude_nb.notebook.quoting import with_plain_dashes
from claude_nb.render.chars import one_line
from claude_nb.session.session import Session


def run(session: Session, line: str, variables: dict[str, Any]) -> Any:
    """Run a line such as "/show 12".

    Returns what to show: a text, or an object that displays itself. Raises PromptError for an unknown command.

    variables  of the notebook
    """
    name, text = [*line[1:].split(None, 1), "", ""][:2]
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean /{near[0]}?" if near else "see %claude /help; put -- before a prompt that begins with /"
        raise PromptError(f"unknown command /{name}; {hint}")
    return COMMANDS[name].run(Invocation(session, _checked(COMMANDS[name], text.strip()), variables))


def refuse_late(prompt: str) -> None:
    """Raise PromptError for a command behind options, which would be sent as a prompt."""
    name = prompt.removeprefix("/").split(None, 1)[:1]
    if prompt.startswith("/") and name and name[0] in COMMANDS:
        raise PromptError(
            f"/{name[0]} is a command, which stands alone: %claude {one_line(prompt, 200)}; {arguments.AS_TEXT}"
        )


def _checked(command: Command, text: str) -> str:
    """Return what follows a command. Raises PromptError for an option that the command does not have."""
    accepted = command.usage.partition(" ")[2]
    if text and not accepted:
        raise PromptError(f"{command.usage} takes nothing after it; write %claude {command.usage}")
    if command.reads == "itself":
        return text
    if text.split(None, 1)[:1] == ["--"]:
        return text[2:].strip()
    words = text if command.reads == "prose" else with_plain_dashes(text)
    starts = [word.start() for word in re.finditer(r"\S+", words)]
    if command.reads == "prose":
        flag = arguments.late_option(words, starts)
        unknown = words[flag.start : flag.end] if flag else ""
    else:
        known = _OPTION.findall(accepted)
        options = (_OPTION.match(words, start) for start in starts)
        unknown = next((option[0] for option in options if option and option[0] not in known), "")
    if unknown:
        raise PromptError(
            f"/{command.name} has no option {unknown}; write %claude {command.usage}, or put -- before text with a dash"
        )
    return words


def _help(_: Invocation) -> str:
    width = max(len(command.usage) for command in COMMANDS.values())
    lines = [f"  %claude {command.usage:<{width}}  {command.help}" for command in COMMANDS.values()]
    return "\n".join([*lines, "", arguments.help_text("claude")])


_OPTION = re.compile(r"--?[A-Za-z][\w-]*")
HELP = Command("/help", "list the commands and options", _help)
COMMANDS: dict[str, Command] = {
    command.name: command
    for group in (
        (HELP,),
        models.COMMANDS,
        settings.COMMANDS,
        usage.COMMANDS,
        history.COMMANDS,
        batches.COMMANDS,
        versions.COMMANDS,
        widgets.COMMANDS,
        keys.COMMANDS,
        local.COMMANDS,
    )
    for command in group
}
