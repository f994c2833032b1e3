from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.errors import PromptError
from claude_nb.notebook import arguments
from claude_nb.session import options


@pytest.mark.parametrize(
    ("line", "typed", "rest"),
    [
        ("Why is the sky blue?", {}, "Why is the sky blue?"),
        ("-t 0.2 Why?", {"temperature": "0.2"}, "Why?"),
        ("-t0.2 Why?", {"temperature": "0.2"}, "Why?"),
        ("--temperature=0.2 Why?", {"temperature": "0.2"}, "Why?"),
        ("--top-p .9 --top-k 5 -n 20 hi", {"top_p": ".9", "top_k": "5", "max_tokens": "20"}, "hi"),
        ("--max_tokens 20 hi", {"max_tokens": "20"}, "hi"),
        (r'--stop "\n" --stop END hi', {"stop_sequences": ["\n", "END"]}, "hi"),
        ("-s 'Be brief.' hi", {"system": "Be brief."}, "hi"),
        ("-s {{rules}} hi", {"system": "{{rules}}"}, "hi"),
        ("--dry-run hi", {"dry_run": True}, "hi"),
        ("-- --not-an-option", {}, "--not-an-option"),
        ("- a list item", {}, "- a list item"),
        ("-5 + 3?", {}, "-5 + 3?"),
        ('say "it\'s -t 3" to me', {}, 'say "it\'s -t 3" to me'),
        ("", {}, ""),
    ],
)
def test_options_come_first_and_the_rest_is_the_prompt(line: str, typed: dict[str, object], rest: str) -> None:
    assert arguments.parse(line) == (typed, rest)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--temprature 1 hi", "did you mean temperature"),
        ("-z hi", "-- before a prompt"),
        ("-t", "-t needs a value: -t T"),
        ("--model", "needs a value"),
    ],
)
def test_a_wrong_option_says_what_to_do(line: str, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        arguments.parse(line)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("temperature", "warm", "takes a number, not 'warm'"),
        ("top_k", "1.5", "takes a whole number"),
        ("top_k", "-1", "top_k must be at least 1"),
        ("top_p", "0", "top_p must be above 0"),
        ("top_p", "1.1", "top_p must be above 0 and at most 1"),
        ("temperature", "-0.1", "temperature must be at least 0"),
        ("temperature", "nan", "must be a finite number"),
        ("max_tokens", "0", "max_tokens must be at least 1"),
    ],
)
def test_a_value_out_of_range_is_one_line(name: str, text: str, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        options.read(options.BY_NAME[name], text)


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        (r'"C:\new\table.csv"', r"C:\new\table.csv"),
        (r'"C:\Users\Ada Lovelace\report.png"', r"C:\Users\Ada Lovelace\report.png"),
        (r"'C:\Users\Ada Lovelace\report.png'", r"C:\Users\Ada Lovelace\report.png"),
        (r"C:\new\table.csv", r"C:\new\table.csv"),
        (r'"C:\my folder\"', "C:\\my folder\\"),
        (r"'C:\my folder\'", "C:\\my folder\\"),
        (r'"C:\folder\"', "C:\\folder\\"),
        (r'"\\server\share\a b.csv"', r"\\server\share\a b.csv"),
        (r'"C:\\twice\\a b.csv"', r"C:\\twice\\a b.csv"),
        (r'"\\?\C:\a b.csv"', r"\\?\C:\a b.csv"),
        (r'"C:\{{folder}}\a b.csv"', r"C:\{{folder}}\a b.csv"),
        (r'"data/*.csv"', "data/*.csv"),
        (r'"a \"quoted\" name.txt"', 'a "quoted" name.txt'),
        ("""'a "quoted" name.txt'""", 'a "quoted" name.txt'),
        (r"'it\'s.txt'", "it's.txt"),
        (r'"it\'s.txt"', r"it\'s.txt"),
        ("“a b.csv”", "a b.csv"),
        ("„a b.csv“", "a b.csv"),
        ("„a b.csv”", "a b.csv"),
        ("”a b.csv”", "a b.csv"),
        ("«a b.csv»", "a b.csv"),
        ("»a b.csv«", "a b.csv"),
        ("‘it’s here.csv’", "it’s here.csv"),
        ("’a b’", "a b"),
        ("「a b」", "a b"),
        ("“C:\\new folder\\”", "C:\\new folder\\"),
        ("it's", "it's"),
        ("5”", "5”"),
    ],
)
@pytest.mark.parametrize("after", ["", " Why?", ' -s "Be brief." Why?', " Say \"hi there\" and 'ho'?"])
def test_a_value_is_what_was_typed_between_its_quotes(typed: str, value: str, after: str) -> None:
    for flag in ("-a ", "-a", "--attach=", "--attach  ", "—attach ", "–a "):
        if flag == "-a" and typed[0] in "CI":
            continue
        parsed = arguments.parse(f"{flag}{typed}{after}")
        assert parsed.options["attach"] == [value]
        assert parsed.options.get("system", "Be brief.") == "Be brief."
        assert parsed.rest == after.removeprefix(' -s "Be brief."').strip()


@pytest.mark.parametrize("flag", ["-s", "--stop", "-a", "-m"])
@pytest.mark.parametrize(
    "typed", ['"Be brief', "'Be brief", "“Be brief", "“Be brief'", '"Be brief”', "«Be", '"Be"brief']
)
def test_a_quote_that_is_not_closed_is_an_error(flag: str, typed: str) -> None:
    for after in ("", " Why?", " Why is it so, and why then?"):
        with pytest.raises(PromptError, match=f"the quote after {flag} is not closed"):
            arguments.parse(f"{flag} {typed}{after}")


def test_escapes_are_resolved_in_stop_sequences_only() -> None:
    typed = r'-s "\nabla and C:\temp" --stop "\n\n" --stop "\\n" --stop \n Why?'
    assert arguments.parse(typed) == (
        {"system": r"\nabla and C:\temp", "stop_sequences": ["\n\n", "\\n", "\\n"]},
        "Why?",
    )
    assert arguments.pairs(r'system="\nabla" stop="\n"') == [("system", r"\nabla"), ("stop", "\n")]
    assert arguments.items(r'system="\nabla","C:\new" stop="\n",“a b”') == [
        ("system", [r"\nabla", r"C:\new"]),
        ("stop", ["\n", "a b"]),
    ]


@pytest.mark.parametrize("dash", [*"‐‑‒–—―−﹣－", "——", "–-", "-–", "\u200b--", "\ufeff-\u2010"])
def test_typographic_dashes_begin_options_too(dash: str) -> None:
    assert arguments.parse(f"{dash}dry-run Why?") == ({"dry_run": True}, "Why?")
    assert arguments.parse(f"-t 0 {dash}dry–run Why?") == ({"temperature": "0", "dry_run": True}, "Why?")
    assert arguments.parse(f"{dash}model sonnet Why?") == ({"model": "sonnet"}, "Why?")
    assert arguments.parse(f"{dash}max_tokens=3 Why?") == ({"max_tokens": "3"}, "Why?")
    with pytest.raises(PromptError, match=r"did you mean temperature\? Write --temperature"):
        arguments.parse(f"{dash}temprature 1 Why?")


@pytest.mark.parametrize("dash", "‐‑‒–—―−﹣－")
def test_typographic_dashes_begin_short_options_too(dash: str) -> None:
    assert arguments.parse(f"{dash}m sonnet Why?") == ({"model": "sonnet"}, "Why?")
    assert arguments.parse(f"{dash}t 0.2 {dash}n30 Why?") == ({"temperature": "0.2", "max_tokens": "30"}, "Why?")
    assert arguments.parse(f"{dash}t0.2 Why?") == ({"temperature": "0.2"}, "Why?")


@pytest.mark.parametrize("space", "\u00a0\u2003\u202f\u3000\t")
def test_any_space_separates_options(space: str) -> None:
    line = f"-t{space}0.2{space}--dry-run{space}Why?"
    assert arguments.parse(line) == ({"temperature": "0.2", "dry_run": True}, "Why?")


@pytest.mark.parametrize(
    "prompt",
    [
        "—Hola, ¿qué tal?",
        "– a dash of salt",
        "—what does it mean?",
        "— dry humour",
        "−5 + 3?",
        "5 – 3 — 2?",
        "“Be brief” is advice.",
        "'tis so",
        "What does git push --force do?",
        "Explain git commit -m 'x' and ls -a, please.",
        "What does `claude --dry-run` do?",
        'What does "pip --quiet install" do?',
        "What does ls -a do?",
        "a -t 0.2 in the middle",
        "Why -t is short",
        "mkdir -p a/b/c",
        "rm -rf /tmp",
        "curl -X POST",
        "git log -n five",
        "git diff --cached",
        "--",
        "a -- b",
        "non-breaking --forces",
        "-- --dry-run",
        "-- Three things --dry-run -n 5",
    ],
)
def test_a_prompt_that_is_no_option_stays_a_prompt(prompt: str) -> None:
    assert arguments.parse(prompt) == ({}, prompt.removeprefix("--").strip() if prompt[:2] == "--" else prompt)


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("Three things --dry-run", "--dry-run Three things"),
        ("Three things --dry-run please", "--dry-run Three things please"),
        ("Three things --dry_run", "--dry_run Three things"),
        ("Three things —dry-run", "—dry-run Three things"),
        ("Three things\u00a0--dry-run", "--dry-run Three things"),
        ("Three things --temperature 0.2", "--temperature 0.2 Three things"),
        ("Three things --max-tokens=5 now", "--max-tokens=5 Three things now"),
        ("Three things -t 0.2", "-t 0.2 Three things"),
        ("Three things -t0.2 -n 5", "-t0.2 Three things -n 5"),
        ("Three things –t 0.2", "–t 0.2 Three things"),
        ("Three things -m sonnet", "-m sonnet Three things"),
        ("Three things -h", "-h Three things"),
        ('Three things -s "Be brief."', '-s "Be brief." Three things'),
        ("-m demo Three things --json", "-m demo --json Three things"),
        ("Three things -n {{n}}", "-n {{n}} Three things"),
        ("--json Three things --dry-run", "--json --dry-run Three things"),
    ],
)
def test_an_option_behind_the_first_word_is_refused_with_the_right_order(line: str, right: str) -> None:
    with pytest.raises(PromptError, match=r"behind the first word .* or put -- before the prompt") as caught:
        arguments.parse(line)
    assert f"write %claude {right}, or" in str(caught.value)
    if "-n 5" not in right:
        arguments.parse(right)
    assert arguments.parse(f"-- {line}").rest == line


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--temprature 0.2 Hi", r"did you mean temperature\? Write --temperature"),
        ("Hi --temprature 0.2", r"did you mean temperature\? Write --temperature"),
        ("Hi --dryrun", r"did you mean dry_run\? Write --dry-run"),
        ("-context 3 Hi", r"did you mean context\? Write --context"),
        ("-model sonnet Hi", r"did you mean model\? Write --model"),
        ("-temperature 0.2 Hi", r"did you mean temperature\? Write --temperature"),
        ("-out x Hi", r"did you mean out\? Write --out"),
        ("-modl x Hi", r"did you mean model\? Write --model"),
        ("--dry-run=yes Hi", "--dry-run takes no value"),
        ("---dry-run Hi", r"did you mean dry_run\? Write --dry-run"),
        ("--raw, Hi", "--raw takes no value"),
        ("--json, Hi", "--json takes no value"),
        ("--t 0.2 Hi", "unknown option '--t'"),
        ("-T 0.2 Hi", "unknown option -T"),
    ],
)
def test_an_unknown_form_of_an_option_is_an_error_with_near_names(line: str, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        arguments.parse(line)


@given(st.text(max_size=40))
def test_a_quoted_value_is_never_changed(text: str) -> None:
    quoted = "'" + text.replace("'", "") + "'"
    if quoted.endswith("\\'") and text.count("\\") > 1:
        return
    assert arguments.parse(f"-s {quoted} -- Hi") == ({"system": quoted[1:-1]}, "Hi")


def test_pairs_of_set_may_be_quoted() -> None:
    assert arguments.pairs('temperature=0.2 system="Be brief." stop=END') == [
        ("temperature", "0.2"),
        ("system", "Be brief."),
        ("stop", "END"),
    ]


def test_every_option_is_in_the_help() -> None:
    text = arguments.help_text("claude")
    assert all(flag in text for option in options.OPTIONS for flag in option.flags)


def test_no_two_options_share_a_flag() -> None:
    flags = [flag for option in options.OPTIONS for flag in option.flags]
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize("item", ["{{a}}", '"a"', "'a'", "“a”", "‘don’t’", '"a\\\\"', "a"])
def test_a_list_that_does_not_match_is_refused_whatever_its_length(item: str) -> None:
    """Each item that could be read in two ways would double the time: forty of them would never end."""
    assert arguments.items(f"t={','.join([item] * 40)}")[0][1][0]
    with pytest.raises(PromptError):
        arguments.items(f't={",".join([item] * 40)},"')
