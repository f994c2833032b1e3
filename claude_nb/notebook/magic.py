"""Parse %claude and %%claude, call the session, store the Reply in a variable."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display as show_value

from claude_nb.errors import ConfigError, PromptError
from claude_nb.notebook import arguments, commands, context, display
from claude_nb.notebook.commands import settings, usage
from claude_nb.notebook.commands.command import Code, Prompt
from claude_nb.notebook.context import DisplayedImages
from claude_nb.prompting import attachments, scope, template
from claude_nb.prompting.text import PromptText
from claude_nb.providers import registry
from claude_nb.session import frontend, reply_variable, structured, tools
from claude_nb.session import options as option_table
from claude_nb.session.call import Call, Round
from claude_nb.session.frontend import Mode
from claude_nb.session.reader import ReplyView
from claude_nb.session.session import Session
from claude_nb.types.content import Attachment
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request

NOTHING = PromptText()
CELLS = "Cells of my notebook so far:\n\n"
FILLED_BY_SWEEP = ("sweep", "system", "stop_sequences")  # because the values of an axis come before variables
NOT_IN_SWEEPS = ("context", "pictures", "code", "count", "tools", "yes")


class ClaudeMagic:
    """The magic of one IPython shell.

    IPython calls it with a line, and with the body of a cell if there is one.
    """

    def __init__(self, shell: InteractiveShell, session: Session, name: str, images: DisplayedImages) -> None:
        self.shell = shell
        self.session = session
        self.name = name
        self.images = images
        session.warn = lambda line: display.note(line, frontend.mode_for(session.credentials.setting("DISPLAY")))

    def __call__(self, line: str, cell: str | None = None) -> Reply | None:
        try:
            return self._run(line, cell)
        except (PromptError, ConfigError):
            self.session.config.refuse_keys(cell or "")  # an error message could quote the key
            raise

    def _run(self, line: str, cell: str | None) -> Reply | None:
        self.session.config.refuse_keys(line)  # before an address in it is fetched; the prompt is checked when built
        if cell is None and line.startswith("/"):
            self._command(line)
            return None
        variables = scope.variables(last=self.shell.user_ns, saved=self.session.memory.prompts)
        options, rest = arguments.parse(
            line, below=cell is not None, is_schema=lambda word: structured.names_schema(word, variables)
        )
        if options.pop("help", None):
            display.say(arguments.help_text(self.name))
            return None
        if cell is None and not rest and not options:
            display.say(settings.state(self.session))
            return None
        if cell is None and not re.search(r"(^|\s)--\s+$", line.removesuffix(rest)):
            commands.refuse_late(rest)
        if cell is not None and rest:
            raise PromptError(f"{rest.split()[0]!r} is not an option; the prompt goes below the %%{self.name} line")
        reply = self._ask(rest if cell is None else self._typed(cell), options, variables)
        # IPython would show the value of a cell magic once more, below the reply that was just drawn.
        return reply if cell is None else None

    def _typed(self, cell: str) -> str:
        """Return the body of a cell as it was typed: IPython adds a line end to a cell that has none."""
        is_terminal = hasattr(self.shell, "prompt_for_code")  # where blank lines end the input
        return cell.rstrip("\n") if is_terminal else cell.removesuffix("\n")

    def _command(self, line: str) -> None:
        result = commands.run(self.session, line, self.shell.user_ns)
        if isinstance(result, Prompt):
            self._send(PromptText(result.text, notices=result.notices), {}, result.options)
        elif isinstance(result, Code):
            self.shell.set_next_input(result.text, replace=False)
            display.say(result.text)
            if self._mode() != "text":
                _show_copy_button(result.text)
        elif isinstance(result, Round):
            self._complete(result.request, result.call, display.view_for(self._mode()))
        else:
            _show(result)

    def _ask(self, prompt: str, options: dict[str, Any], variables: Mapping[str, Any]) -> Reply | None:
        """Convert the options, fill in the prompt, and send it.

        options    texts, by name
        variables  what {{name}} may name: variables of the calling function, then of the notebook
        """
        files = attachments.gather([template.named(text, variables) for text in options.pop("attach", ())])
        schema = {"json": structured.by_name(options.pop("json"), variables)} if "json" in options else {}
        later = (
            {name: options.pop(name) for name in FILLED_BY_SWEEP if name in options}
            if options.keys() & {"sweep", "rows"}
            else {}
        )
        texts, notices = template.fill_options(options, variables)
        texts |= later
        values = {name: option_table.read(option_table.BY_NAME[name], text) for name, text in texts.items()} | schema
        flags = {name: values.pop(name) for name in option_table.CALL_NAMES if name in values}
        notices += self._variable(flags)
        if "rows" in flags or "sweep" in flags:
            if unsupported := [name for name in NOT_IN_SWEEPS if name in flags | values]:
                raise PromptError(f"a sweep does not support --{unsupported[0]}; leave it out")
            values |= {"attach": files.attachments} if files.attachments else {}
            self._run_cases(prompt, values, flags, variables)
            return None
        if alone := [name for name in ("expect", "grade") if name in flags]:
            raise PromptError(f"--{alone[0]} is for --rows, which names a table; add --rows df")
        if "batch" in flags:
            raise PromptError("--batch is for --sweep and --rows, which send many calls; leave it out")
        if "tools" in values:
            values["tools"] = tools.toolbox(tools.by_name(values["tools"], variables), yes="yes" in flags)
        elif "yes" in flags:
            raise PromptError("--yes allows the functions of --tools; add --tools weather,add or leave out --yes")
        filled = template.fill(prompt, self._with_error(prompt, variables), pictures=True)
        return self._send(filled, values, flags, PromptText(notices=tuple(notices)) + files)

    def _run_cases(
        self, prompt: str, values: dict[str, Any], flags: dict[str, Any], variables: Mapping[str, Any]
    ) -> None:
        """Run a sweep, or an evaluation of the rows of a table."""
        from claude_nb.notebook.evaluation_cell import evaluation_cell
        from claude_nb.notebook.sweep_cell import sweep_cell

        run = evaluation_cell if "rows" in flags else sweep_cell
        run(self.session, prompt, values, flags, variables=variables, store=self.shell.user_ns)

    def _variable(self, flags: dict[str, Any]) -> tuple[str, ...]:
        """Check the variable for the reply, and return a notice if a plain value is in it. Raises PromptError."""
        stored = not (flags.get("dry_run") or flags.get("count"))
        out, taken = flags.setdefault("out", "reply"), self.shell.user_ns if stored else {}
        if why := reply_variable.refusal(out, taken):
            raise PromptError(f"-o {out} {why}")
        return reply_variable.replaced(out, taken)

    def _with_error(self, prompt: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the variables, with Err if the prompt needs it."""
        if "Err" in variables or not re.search(r"\{\{\s*Err\s*\}\}", prompt):
            return variables
        return {**variables, "Err": context.error().text}

    def _send(
        self, filled: PromptText, values: dict[str, Any], flags: dict[str, Any], files: PromptText = NOTHING
    ) -> Reply | None:
        """Send a prompt, or show what would be sent.

        values  checked options of the request, by name
        flags   checked options of the call, by name
        files   attachments that come before those of the prompt
        """
        filled = files + self._with_context(filled, flags)
        notices, mode = list(filled.notices), "quiet" if flags.get("quiet") else self._mode()
        values["attach"] = filled.attachments
        request = self.session.build(filled.text, values, flags.get("chat"))
        if flags.get("dry_run"):
            display.say("\n".join([*notices, *_preview(request, stream=not flags.get("no_stream"))]))
            if self._mode() != "text":
                display.thumbnails(filled.attachments)
            return None
        own = (flags["headers"],) if "headers" in flags else ()
        if flags.get("count"):
            size = usage.prompt_size(self.session, request, allow_http=bool(flags.get("allow_http")), own=own)
            display.say("\n".join([*notices, size]))
            return None
        if mode != "quiet":  # nobody would see it, and it is said once
            notices += self.session.demo_notice(request, self.session.config.target(values))
        call = Call(
            chat=flags.get("chat"),
            cell=self.session.cell(),
            variable=flags.get("out", "reply"),
            tools=values.get("tools"),
            timeout=flags.get("timeout"),
            whole=bool(flags.get("no_stream")),
            allow_http=bool(flags.get("allow_http")),
            replay="off" if flags.get("fresh") else None,
            headers=own,
            hurry=mode in ("once", "quiet"),
        )
        view = display.view_for(mode, raw=bool(flags.get("raw")), notices=notices)
        reply = self._complete(request, call, view)
        if flags.get("code"):
            self._put_code(reply, mode)
        return reply

    def _with_context(self, filled: PromptText, flags: Mapping[str, Any]) -> PromptText:
        """Put the cells of --context in front of the prompt."""
        count = flags.get("context")
        if not count:
            if flags.get("pictures"):
                raise PromptError("--pictures needs a number of earlier cells; use --context 1 --pictures")
            return filled
        outputs = getattr(self.shell.history_manager, "outputs", {})
        images = self.images.of if flags.get("pictures") else None
        cells = context.cells(count, self.shell.user_ns, outputs, images)
        return PromptText(CELLS) + cells + "\n\n" + filled if cells.text and filled.text.strip() else filled

    def _complete(self, request: Request, call: Call, view: ReplyView) -> Reply:
        """Show a reply as it arrives, and store it in its variable even if it breaks off."""
        try:
            view.reply = self.session.complete(request, call, view)
        finally:
            if view.reply:
                self.shell.user_ns[call.variable or "reply"] = view.reply
        return view.reply

    def _put_code(self, reply: Reply, mode: Mode) -> None:
        """Put the Python of a reply into a new cell.

        No front end reports whether it has created the cell, so the note helps in both cases.
        """
        if code := reply.python:
            self.shell.set_next_input(code, replace=False)
            display.note("the code is in a new cell below; nothing was run (no new cell? %claude /code shows it)", mode)
        else:
            display.note("the reply contains no Python code, so there is no new cell", mode)

    def _mode(self) -> Mode:
        return frontend.mode_for(self.session.credentials.setting("DISPLAY"))


def _preview(request: Request, *, stream: bool) -> list[str]:
    """Return what --dry-run shows: the address, and the exact body of the request."""
    address, body = registry.preview(request, stream=stream)
    text = json.dumps(body, indent=2, ensure_ascii=False)
    for part in (part for message in request.messages for part in message.parts if isinstance(part, Attachment)):
        text = text.replace(part.data, f"{part.data[:40]}… ({len(part.data):,} characters)") if part.data else text
    return [f"would be sent to {address}:", text]


def _show(value: Any) -> None:
    if isinstance(value, str):
        display.say(value)
    else:
        show_value(value)


def _show_copy_button(text: str) -> None:
    try:
        from claude_nb.widgets.copy_button import CopyButton
    except ImportError:  # without anywidget the user copies the printed text by hand
        return
    show_value(CopyButton(text))
