"""%%claude and %claude: reads the line, hands over to the session, leaves the Reply in a variable."""

from __future__ import annotations

import json
import re
import sys
from collections import ChainMap
from collections.abc import Mapping, Sequence
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display as show_value

from claude_nb.errors import PromptError
from claude_nb.notebook import arguments, commands, context, display
from claude_nb.notebook.commands import settings, usage
from claude_nb.notebook.commands.command import Code, Prompt
from claude_nb.notebook.context import DisplayedImages
from claude_nb.prompt import attachments, template
from claude_nb.providers import registry
from claude_nb.session import frontend, structured, tools
from claude_nb.session import options as knobs
from claude_nb.session.frontend import Mode
from claude_nb.session.session import Session
from claude_nb.session.turn import Turn
from claude_nb.types import content
from claude_nb.types.content import Attachment
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request

CELLS = "Cells of my notebook so far:\n\n"


class ClaudeMagic:
    """The magic of one IPython shell. Called with the line, and with the body of the cell if there is one."""

    def __init__(self, shell: InteractiveShell, session: Session, name: str, shown: DisplayedImages) -> None:
        self.shell = shell
        self.session = session
        self.name = name
        self.shown = shown
        session.warn = lambda line: display.note(line, frontend.mode_for(session.credentials.setting("DISPLAY")))
        self._demo_told = False

    def __call__(self, line: str, cell: str | None = None) -> Reply | None:
        self.session.refuse_keys(line, cell)
        if cell is None and line.startswith("/"):
            answer = commands.run(self.session, line, self.shell.user_ns)
            if isinstance(answer, Prompt):
                self._send(template.Filled(answer.text, answer.notices), (), {}, answer.options)
            elif isinstance(answer, Code):
                self.shell.set_next_input(answer.text, replace=False)
                _say(answer.text)
                if self._mode() != "text":
                    _show_copy_button(answer.text)
            elif isinstance(answer, Turn):
                books = self.session.last_books
                self._watch(answer, (books and books.variable) or "reply", self._mode())
            else:
                _show(answer)
            return None
        known = self.shell.user_ns
        typed, rest = arguments.parse(
            line, below=cell is not None, is_form=lambda word: structured.is_form(word, known)
        )
        if typed.pop("help", None):
            _say(arguments.help_text(self.name))
            return None
        if cell is None and not rest and not typed:
            _say(settings.state(self.session))
            return None
        if cell is not None and rest:
            raise PromptError(f"{rest.split()[0]!r} is not an option; the prompt goes below the %%{self.name} line")
        reply = self._ask(cell if cell is not None else rest, typed)
        # A cell magic's value would be shown once more, below the reply that has just been drawn.
        return reply if cell is None else None

    def _ask(self, prompt: str, typed: dict[str, Any]) -> Reply | None:
        variables = self.shell.user_ns
        cuts: list[str] = []
        gathered = attachments.gather([template.named(text, variables) for text in typed.pop("attach", ())])
        form = {"json": structured.named(typed.pop("json"), variables)} if "json" in typed else {}
        texts = {name: _filled(text, variables, cuts) for name, text in typed.items()}
        values = {name: arguments.typed(knobs.BY_NAME[name], text) for name, text in texts.items()} | form
        how = {name: values.pop(name) for name in knobs.CALL_NAMES if name in values}
        out = how.get("out", "reply")
        if not arguments.is_variable(out):
            raise PromptError(
                f"-o {out}: a variable name has letters, digits and underscores, and is no Python keyword"
            )
        if "sweep" in how:
            from claude_nb.notebook.sweep_cell import sweep_cell

            if extra := [
                name for name in ("context", "pictures", "code", "count", "tools", "yes") if name in how | values
            ]:
                raise PromptError(f"a sweep takes no --{extra[0]}; leave it out")
            values |= {"attach": gathered.attachments} if gathered.attachments else {}
            sweep_cell(self.session, prompt.strip("\n"), settings=values, how=how, out=out, variables=variables)
            return None
        if "tools" in values:
            values["tools"] = tools.box(tools.named(values["tools"], variables), yes="yes" in how)
        elif "yes" in how:
            raise PromptError("--yes allows the functions that --tools names; add --tools weather,add or leave it out")
        filled = template.fill(prompt.strip("\n"), self._with_error(prompt), pictures=True)
        filled = filled._replace(notices=(*cuts, *gathered.notices, *filled.notices))
        return self._send(filled, gathered.attachments, values, how)

    def _with_error(self, prompt: str) -> Mapping[str, Any]:
        """The notebook's variables, and Err: its last error."""
        variables: dict[str, Any] = self.shell.user_ns
        if "Err" in variables or not re.search(r"\{\{\s*Err\s*\}\}", prompt):
            return variables
        return ChainMap({"Err": context.error(self.session.credentials.known()).text}, variables)

    def _send(
        self, filled: template.Filled, files: Sequence[Attachment], values: dict[str, Any], how: dict[str, Any]
    ) -> Reply | None:
        """A prompt whose places are filled, on its way; and what its reply brings with it."""
        notices = list(filled.notices)
        attached = [*files, *filled.attached]
        text = filled.text
        if count := how.get("context"):
            outputs = getattr(self.shell.history_manager, "outputs", {})
            shown = self.shown.of if how.get("pictures") else None
            found = context.cells(count, self.shell.user_ns, self.session.credentials.known(), outputs, shown)
            notices += found.notices
            before = f"{CELLS}{found.text}\n\n" if found.text else ""
            attached = [
                *files,
                *(content.placed(one, one.at + len(CELLS)) for one in found.attached),
                *(content.placed(one, one.at + len(before)) for one in filled.attached),
            ]
            text = before + text if text.strip() else text
        elif how.get("pictures"):
            raise PromptError("--pictures takes those of earlier cells along; say of how many: --context 1 --pictures")
        request = self.session.request(text, chat=how.get("chat"), attach=attached, **values)
        if how.get("dry_run"):
            _say("\n".join([*notices, *_preview(request, stream=not how.get("no_stream"))]))
            if self._mode() != "text":
                display.thumbnails(attached)
            return None
        if how.get("count"):
            _say("\n".join([*notices, usage.counted(self.session, request, allow_http=bool(how.get("allow_http")))]))
            return None
        mode = "quiet" if how.get("quiet") else self._mode()
        notices += self._demo_notice(request, values)
        out = how.get("out", "reply")
        turn = self.session.run(
            request,
            chat=how.get("chat"),
            cell=self.session.cell(),
            timeout=how.get("timeout"),
            whole=bool(how.get("no_stream")),
            allow_http=bool(how.get("allow_http")),
            variable=out,
            hurry=mode in ("once", "quiet"),
            box=values.get("tools"),
        )
        reply = self._watch(turn, out, mode, raw=bool(how.get("raw")), notices=notices)
        if how.get("code"):
            self._put_code(reply, mode)
        return reply

    def _put_code(self, reply: Reply, mode: Mode) -> None:
        """The Python of a reply into a new cell; no front end tells whether it has made one, so the note knows more."""
        if code := reply.python:
            self.shell.set_next_input(code, replace=False)
            display.note("the code is in a new cell below; nothing was run (no new cell? %claude /code shows it)", mode)
        else:
            display.note("the reply holds no Python code, so there is no new cell", mode)

    def _watch(self, turn: Turn, out: str, mode: Mode, *, raw: bool = False, notices: Sequence[str] = ()) -> Reply:
        """Show a reply as it comes; it is in its variable afterwards, also what arrived of a broken one."""
        variables = self.shell.user_ns
        try:
            variables[out] = structured.follow(
                turn, lambda turn, lines: display.show(turn, mode, raw=raw, notices=lines), notices
            )
        except BaseException as error:
            newest = getattr(error, "reply", None)
            for reply in (newest, turn.reply):  # that of the newest round, or of the first one
                if reply and (reply.text or reply.calls):
                    variables[out] = reply
                    break
            raise
        return variables[out]  # type: ignore[no-any-return]  # user_ns holds anything; this is the Reply just stored

    def _mode(self) -> Mode:
        return frontend.mode_for(self.session.credentials.setting("DISPLAY"))

    def _demo_notice(self, request: Request, values: dict[str, Any]) -> list[str]:
        """Said once, when the demo model answers because there is no key and nobody asked for it."""
        chosen = {"provider", "model"} & (values.keys() | self.session.settings.keys())
        if request.provider != "demo" or chosen or self.session.credentials.setting("PROVIDER") or self._demo_told:
            return []
        self._demo_told = True
        return [settings.no_key_line()]


def _filled(text: Any, variables: dict[str, Any], notices: list[str]) -> Any:
    """Option values may hold {{name}} too; a line for each that was cut to size is added to the notices."""
    if isinstance(text, list):
        return [_filled(item, variables, notices) for item in text]
    if not isinstance(text, str):
        return text
    filled = template.fill(text, variables)
    notices += filled.notices
    return filled.text


def _preview(request: Request, *, stream: bool) -> list[str]:
    """What a dry run shows: where the request would go, and its body to the letter."""
    address, body = registry.preview(request, stream=stream)
    text = json.dumps(body, indent=2, ensure_ascii=False)
    for part in (part for message in request.messages for part in message.parts if isinstance(part, Attachment)):
        text = text.replace(part.data, f"{part.data[:40]}… ({len(part.data):,} characters)") if part.data else text
    return [f"would be sent to {address}:", text]


def _show(value: Any) -> None:
    if isinstance(value, str):
        _say(value)
    else:
        show_value(value)


def _show_copy_button(text: str) -> None:
    try:
        from claude_nb.widgets.copy_button import CopyButton
    except ImportError:  # no anywidget: the text above can be marked and copied by hand
        return
    show_value(CopyButton(text))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
