"""A refusal of something that the user did not ask for is asked once more, in the form that the server takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from claude_nb.errors import ApiError, BadRequest
from claude_nb.providers import adjustments, registry
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.types.settings import Thinking
from tests.helpers.kernel import Kernel
from tests.helpers.server import Recorded, Scenario, Server, answer, stream

CHAT = {"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}
CHAT_STREAM = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
CLAUDE = {"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}


@pytest.fixture(autouse=True)
def nothing_learned() -> Iterator[None]:
    adjustments.forget()
    yield
    adjustments.forget()


@pytest.fixture
def session() -> Session:
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"}))


def refusing(refuses: Callable[[dict[str, Any]], Scenario | None]) -> Callable[[Recorded], Scenario]:
    """Return a server that answers in the dialect and the way that it is asked for, unless it refuses."""

    def respond(request: Recorded) -> Scenario:
        if refusal := refuses(request.json):
            return refusal
        if request.path.endswith("/messages"):
            return answer(200, CLAUDE)
        return stream(CHAT_STREAM) if request.json.get("stream") else answer(200, CHAT)

    return respond


def without(name: str, message: str, status: int = 400, **fields: Any) -> Callable[[dict[str, Any]], Scenario | None]:
    error = {"error": {"message": message, **fields}}
    return lambda body: answer(status, error) if name in body else None


def sent(server: Server, *names: str) -> list[list[Any]]:
    return [[request.json.get(name) for name in names] for request in server.requests]


def notices(session: Session, **options: Any) -> list[str]:
    return [chunk.notice for chunk in session.stream("Hello", **options).chunks() if chunk.notice]


NEWER = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
LITELLM = f"litellm.BadRequestError: OpenAIException - Error code: 400 - {{'error': {{'message': \"{NEWER}\"}}}}"
RENAMED = [
    (NEWER, "max_completion_tokens"),
    (LITELLM, "max_completion_tokens"),
    ("`max_tokens` is deprecated, please use `max_completion_tokens`", "max_completion_tokens"),
    ("Unknown field max_tokens (did you mean max_output_tokens?)", "max_output_tokens"),
]


@pytest.mark.parametrize(("message", "name"), RENAMED)
@pytest.mark.parametrize("whole", [False, True], ids=["streamed", "whole"])
def test_max_tokens_goes_under_the_name_that_the_server_wants_and_is_remembered(
    session: Session, message: str, name: str, whole: bool
) -> None:
    with Server(refusing(without("max_tokens", message, param="max_tokens"))) as server:
        options = {"provider": "openai-compatible", "base_url": server.url, "max_tokens": 50, "whole": whole}
        first, second = (notices(session, model="new", **options) for _ in range(2))
        other = notices(session, model="other", **options)
        request = session.request("Hi", model="new", provider="openai-compatible", base_url=server.url, max_tokens=50)

    assert sent(server, "max_tokens", name) == [[50, None], [None, 50], [None, 50], [50, None], [None, 50]]
    assert (first, second) == ([f"this model takes max_tokens as {name}; asking once more"], [])
    assert other == first
    assert registry.preview(request, stream=True)[1][name] == 50  # what --dry-run shows is what is sent
    assert request.params["max_tokens"] == 50


LEFT_OUT: list[tuple[str, int, str]] = [
    ("stream_options", 400, "Unrecognized request argument supplied: stream_options"),
    ("stream_options", 422, "body.stream_options: Extra inputs are not permitted"),
    ("stream_options", 400, "Unknown field: include_usage"),
    ("stream_options", 500, "unexpected keyword argument 'stream_options'"),
    ("stream_options", 400, "[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Not permitted'}]"),
    ("stream_options", 400, 'Invalid JSON payload received. Unknown name "stream_options": Cannot find field.'),
    ("stream", 400, "Streaming is not supported for this model: stream must be false"),
    ("stream", 400, "Unsupported value: 'stream' does not support true with this model."),
    ("stream", 400, "Streaming is not supported by this model"),
    ("stream", 501, "This deployment does not support streaming"),
    ("stream", 422, "set stream=false"),
    ("stream", 400, "only non-streaming requests are accepted"),
]


@pytest.mark.parametrize(("name", "status", "message"), LEFT_OUT)
def test_a_field_that_nobody_asked_for_is_left_out_and_that_is_told(
    session: Session, name: str, status: int, message: str
) -> None:
    options = {"provider": "openai-compatible", "model": "m"}
    with Server(refusing(without(name, message, status))) as server:
        told = [notices(session, base_url=server.url, **options)[-1:] for _ in range(2)]
        reply = session.ask("Hello", base_url=server.url, **options)

    assert told[0][0].startswith("this server does not take ")
    assert told[0][0].endswith("; asking once more without")
    assert told[1] == []
    assert (reply.text, reply.stop_reason) == ("Hi", "end")
    assert sent(server, name)[-3:] == [[None]] * 3


def test_the_blamed_field_may_stand_beside_the_message(session: Session) -> None:
    rule = without("stream_options", "Unsupported parameter", param="stream_options", code="unsupported_parameter")
    with Server(refusing(rule)) as server:
        reply = session.ask("Hello", provider="openai-compatible", model="m", base_url=server.url)
    assert reply.text == "Hi"
    assert sent(server, "stream_options", "stream") == [[{"include_usage": True}, True], [None, True]]


@pytest.mark.parametrize("message", ["Unsupported parameter: stream_options", "stream_options is not supported"])
def test_a_reply_still_streams_when_only_its_options_are_refused(session: Session, message: str) -> None:
    with Server(refusing(without("stream_options", message))) as server:
        session.ask("Hello", provider="openai-compatible", model="m", base_url=server.url)
    assert sent(server, "stream") == [[True], [True]]


def test_a_refusal_inside_a_stream_counts_too(session: Session) -> None:
    refusal = stream(b'data: {"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}\n\n')
    with Server(refusing(lambda body: refusal if "stream_options" in body else None)) as server:
        reply = session.ask("Hello", provider="openai-compatible", model="m", base_url=server.url)

    assert reply.text == "Hi"
    assert len(server.requests) == 2


@pytest.mark.parametrize("allow_stdin", [True, False], ids=["watched", "run by a program"])
def test_a_cell_keeps_the_notice(allow_stdin: bool) -> None:
    refuses = without("max_tokens", NEWER)
    with Kernel() as kernel, Server(refusing(refuses)) as server:
        kernel.run("%load_ext claude_nb")
        cell = f"%claude -p openai-compatible -m m --base-url {server.url} -n 9 Hi"
        first, second = (kernel.run(cell, allow_stdin=allow_stdin) for _ in range(2))

    notes = [str(heard.content["data"]) for heard in first.messages if heard.kind == "display_data"]
    assert any("max_completion_tokens; asking once more" in note for note in notes)
    assert "asking once more" not in str(second.messages)


def test_two_refusals_one_after_the_other_are_both_met(session: Session) -> None:
    def refuses(body: dict[str, Any]) -> Scenario | None:
        rules = (without("max_tokens", NEWER), without("stream_options", "stream_options: unknown field"))
        return next(filter(None, (rule(body) for rule in rules)), None)

    with Server(refusing(refuses)) as server:
        reply = session.ask("Hi", provider="openai-compatible", model="m", base_url=server.url, max_tokens=9)

    assert reply.text == "Hi"
    assert sent(server, "max_completion_tokens", "stream_options")[-1] == [9, None]


USER: list[tuple[str, dict[str, Any], str]] = [
    ("temperature", {"temperature": 0.5}, "Unsupported value: 'temperature' does not support 0.5 with this model."),
    ("top_p", {"top_p": 0.5}, "top_p: Extra inputs are not permitted"),
    ("seed", {"seed": 1}, "Unknown name 'seed'"),
    ("stop", {"stop_sequences": ["x"]}, "Unrecognized request argument supplied: stop"),
    ("reasoning_effort", {"effort": "low"}, "Unrecognized request argument supplied: reasoning_effort"),
    ("max_tokens", {"max_tokens": 50}, "max_tokens: 50 > 20, which is the maximum"),
    ("max_tokens", {"max_tokens": 50}, "Unrecognized request argument supplied: max_tokens"),
    ("messages", {}, "messages: role 'user' and content are not permitted"),
    ("model", {}, "Unknown model"),
]


@pytest.mark.parametrize(("name", "options", "message"), USER)
def test_what_the_user_set_is_never_left_out(
    session: Session, name: str, options: dict[str, Any], message: str
) -> None:
    with Server(refusing(without(name, message))) as server, pytest.raises(BadRequest):
        session.ask("Hi", provider="openai-compatible", model="m", base_url=server.url, **options)

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "message"), [(401, "stream_options"), (404, "stream_options"), (400, "stream broke")]
)
def test_another_error_that_has_the_word_is_not_a_refusal_of_the_field(
    session: Session, status: int, message: str
) -> None:
    with Server([answer(status, {"error": {"message": message}})]) as server, pytest.raises(ApiError):
        session.ask("Hi", provider="openai-compatible", model="m", base_url=server.url)

    assert len(server.requests) == 1


def test_a_server_that_refuses_again_is_not_asked_for_ever(session: Session) -> None:
    refusal = answer(400, {"error": {"message": "stream_options and max_tokens are wrong; max_completion_tokens too"}})
    with Server([refusal]) as server, pytest.raises(BadRequest):
        session.ask("Hi", provider="openai-compatible", model="m", base_url=server.url, max_tokens=5)

    assert len(server.requests) <= adjustments.MOST + 1


TOO_HIGH = "max_tokens: {} > 4096, which is the maximum allowed number of output tokens for claude-3-haiku-20240307"


def test_a_default_of_max_tokens_that_is_too_high_becomes_what_the_server_says(session: Session) -> None:
    def refuses(body: dict[str, Any]) -> Scenario | None:
        return (
            answer(400, {"error": {"message": TOO_HIGH.format(body["max_tokens"])}})
            if body["max_tokens"] > 4096
            else None
        )

    options = {"provider": "anthropic", "model": "claude-3-haiku", "whole": True}
    with Server(refusing(refuses)) as server:
        told = [notices(session, base_url=server.url, **options) for _ in range(2)]
        with pytest.raises(BadRequest, match="choose a smaller max_tokens"):
            session.ask("Hi", base_url=server.url, max_tokens=8192, **options)
        session.configure(max_tokens=8192)
        with pytest.raises(BadRequest):
            session.ask("Hi", base_url=server.url, **options)

    assert told == [["this model writes at most 4,096 tokens; asking once more"], []]
    assert [limits[0] for limits in sent(server, "max_tokens")] == [8192, 4096, 4096, 8192, 8192]


def test_a_limit_that_was_learned_never_lowers_what_the_user_sets() -> None:
    body = {"model": "m", "messages": [], "max_tokens": 8192}
    error = BadRequest("", status=400)
    error.words = TOO_HIGH.format(8192)
    assert adjustments.learn("https://a.b", body, error, frozenset(("max_tokens",)))

    form = adjustments.form_for("https://a.b", "m")

    assert form.fitted(body, frozenset(("max_tokens",)))["max_tokens"] == 4096
    assert form.fitted(body, frozenset())["max_tokens"] == 8192


def test_fields_of_a_provider_that_went_back_are_left_out_and_what_the_model_wrote_stays() -> None:
    function = {"name": "weather", "arguments": '{"reasoning_content": "of the user"}'}
    call = {"id": "c1", "type": "function", "function": function}
    told = {"role": "assistant", "content": "reasoning_content", "tool_calls": [call | {"extra_content": {"a": 1}}]}
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}, told | {"reasoning_content": "so"}]}
    error = BadRequest("", status=400)
    error.words = "property 'reasoning_content' is unsupported; unknown field extra_content, and content is fine"

    assert "extra_content and reasoning_content" in adjustments.learn("https://a.b", body, error, frozenset())

    fitted = adjustments.form_for("https://a.b", "m").fitted(body, frozenset())
    assert fitted["messages"] == [body["messages"][0], told | {"tool_calls": [call]}]
    assert body["messages"][1] == told | {"reasoning_content": "so"}


def test_details_of_thinking_and_of_a_schema_are_left_out_and_the_rest_stays() -> None:
    schema = {"type": "object", "properties": {"strict": {"type": "string"}}}
    body = {
        "model": "m",
        "messages": [],
        "thinking": Thinking("adaptive", display="summarized").to_dict(),
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema, "strict": True}},
    }
    error = BadRequest("", status=400)
    error.words = "thinking.adaptive.display: Extra inputs are not permitted; strict is not supported"

    assert adjustments.learn("https://a.b", body, error, frozenset())

    fitted = adjustments.form_for("https://a.b", "m").fitted(body, frozenset())
    assert fitted["thinking"] == {"type": "adaptive"}
    assert fitted["response_format"]["json_schema"] == {"name": "a", "schema": schema}
    assert body["response_format"]["json_schema"]["strict"]
