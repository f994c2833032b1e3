"""The slash commands of the line magic: %claude /models, %claude /history ..."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.notebook import arguments
from claude_nb.notebook.commands import history, keys, models, settings, usage, widgets
from claude_nb.notebook.commands.command import Command, Invocation
from claude_nb.session.session import Session


def run(session: Session, line: str, variables: dict[str, Any]) -> Any:
    """Run a line such as "/show 12".

    Returns what to show: a text, or an object that displays itself. Raises PromptError for an unknown command.

    variables  of the notebook
    """
    name, _, text = line[1:].partition(" ")
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean /{near[0]}?" if near else "see %claude /help; put -- before a prompt that begins with /"
        raise PromptError(f"unknown command /{name}; {hint}")
    return COMMANDS[name].run(Invocation(session, text.strip(), variables))


def _help(_: Invocation) -> str:
    width = max(len(command.usage) for command in COMMANDS.values())
    lines = [f"  %claude {command.usage:<{width}}  {command.help}" for command in COMMANDS.values()]
    return "\n".join([*lines, "", arguments.help_text("claude")])


HELP = Command("/help", "list the commands and options", _help)
COMMANDS: dict[str, Command] = {
    command.name: command
    for group in (
        (HELP,),
        models.COMMANDS,
        settings.COMMANDS,
        usage.COMMANDS,
        history.COMMANDS,
        widgets.COMMANDS,
        keys.COMMANDS,
    )
    for command in group
}
