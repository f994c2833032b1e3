"""The measured tools, one row each: what to install, and what a user would type.

URL stands for the address of the loopback server, PROMPT for the prompt. Each cell begins a new conversation,
so that no request carries an earlier reply.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["ours", "by hand", "peer"]


@dataclass(frozen=True)
class Tool:
    """One row.

    packages  what is installed beside the kernel; the version of the first one is reported
    setup     the cell that loads it         ask     the cell with the prompt
    before    a cell before each of these, not measured
    kept      an expression for the text that is left in variables after an interrupt
    serves    False: it uses no server, so there is none to time it against
    """

    name: str
    kind: Kind
    packages: tuple[str, ...]
    setup: str
    ask: str
    before: str = ""
    kept: str = "''"
    env: dict[str, str] = field(default_factory=dict)
    serves: bool = True
    note: str = ""

    @property
    def package(self) -> str:
        """The package that names the virtual environment; tools of one package share it."""
        return self.packages[0].split("[")[0].split("=")[0]

    def filled(self, code: str, url: str, prompt: str = "") -> str:
        return code.replace("URL", url).replace("PROMPT", prompt)


US = ("claude-nb",)
LOAD = "%load_ext claude_nb"
KEY = {"AIMLAPI_API_KEY": "loop-loop-loop-loop"}
OPENAI, ANTHROPIC, HTTPX = ("openai==3.54.0",), ("anthropic==2.12.0",), ("httpx==0.28.1",)
PLAYGROUND = """\
import claude_nb
from claude_nb import Playground
claude_nb.configure(base_url="URL/v1")"""
FRESH = "pg = Playground(model='sonnet')\ndisplay(pg)"
# An interrupt only ends the wait, so the cell stops the run as the button would.
PLAY = """\
pg.run("PROMPT")
try:
    pg.wait();
except KeyboardInterrupt:
    pg.stop()
    pg.wait();"""
OPENAI_SETUP = """\
import openai
client = openai.OpenAI(base_url="URL/v1", api_key="loop", max_retries=0)"""
OPENAI_STREAM = """\
for event in client.chat.completions.create(
    model="anthropic/claude-sonnet-4.6", stream=True, messages=[{"role": "user", "content": "PROMPT"}]
):
    if event.choices and event.choices[0].delta.content:
"""
HTTPX_STREAM = """\
body = {"model": "anthropic/claude-sonnet-4.6", "stream": True, "messages": [{"role": "user", "content": "PROMPT"}]}
with httpx.stream("POST", "URL/v1/chat/completions", json=body, headers={"Authorization": "Bearer loop"}) as answer:
    for line in answer.iter_lines():
        if line.startswith("data: {"):
            for choice in json.loads(line[6:])["choices"]:
                print(choice["delta"].get("content", ""), end=""FLUSH)"""
MESSAGES_WITH_TEXT = "max((str(message) for message in {} if 'Well' in str(message)), default='')"

TOOLS = (
    Tool(
        "claude_nb, in JupyterLab",
        "ours",
        US,
        LOAD,
        "%%claude --base-url URL/v1 -m anthropic/claude-sonnet-4.6\nPROMPT",
        kept="reply.text",
        env=KEY,
    ),
    Tool(
        "claude_nb, in a terminal",
        "ours",
        US,
        LOAD,
        "%%claude --base-url URL/v1 -m anthropic/claude-sonnet-4.6\nPROMPT",
        kept="reply.text",
        env=KEY | {"CLAUDE_NB_DISPLAY": "text"},
    ),
    Tool(
        "claude_nb, playground",
        "ours",
        US,
        PLAYGROUND,
        PLAY,
        before=FRESH,
        kept="reply.text",
        env=KEY,
    ),
    Tool(
        "claude_nb, demo model",
        "ours",
        US,
        LOAD,
        "%%claude -p demo --max-tokens 1000\nPROMPT",
        kept="reply.text",
        serves=False,
        note="its replies are its own, at its own pace",
    ),
    Tool(
        "httpx + print",
        "by hand",
        HTTPX,
        "import json, httpx",
        HTTPX_STREAM.replace("FLUSH", ""),
        note="the floor",
    ),
    Tool(
        "httpx + print, flushed",
        "by hand",
        HTTPX,
        "import json, httpx",
        HTTPX_STREAM.replace("FLUSH", ", flush=True"),
        note="a message for every token, at once",
    ),
    Tool(
        "openai + print",
        "by hand",
        OPENAI,
        OPENAI_SETUP,
        OPENAI_STREAM + '        print(event.choices[0].delta.content, end="")',
    ),
    Tool(
        "openai + Markdown per token",
        "by hand",
        OPENAI,
        OPENAI_SETUP + "\nfrom IPython.display import Markdown, display",
        'text, handle = "", display(Markdown(""), display_id=True)\n'
        + OPENAI_STREAM
        + "        text += event.choices[0].delta.content\n        handle.update(Markdown(text))",
        kept="text",
    ),
    Tool(
        "anthropic + print",
        "by hand",
        ANTHROPIC,
        'import anthropic\nclient = anthropic.Anthropic(base_url="URL", api_key="loop", max_retries=0)',
        """\
with client.messages.stream(
    model="claude-sonnet-4-6", max_tokens=100_000, messages=[{"role": "user", "content": "PROMPT"}]
) as stream:
    for text in stream.text_stream:
        print(text, end="")""",
    ),
    Tool(
        "chatlab",
        "peer",
        ("chatlab==2.1.1",),
        "import chatlab",
        """\
chat = chatlab.Chat(base_url="URL/v1", api_key="loop", model="anthropic/claude-sonnet-4.6")
await chat("PROMPT")""",
        kept=MESSAGES_WITH_TEXT.format("chat.messages"),
    ),
    Tool(
        "claudette",
        "peer",
        ("claudette==0.3.15", "anthropic<1"),
        """\
from anthropic import Anthropic
from claudette import Client, Chat
client = Client("claude-sonnet-4-6", cli=Anthropic(base_url="URL", api_key="loop", max_retries=0))""",
        """\
chat = Chat(cli=client)
for part in chat("PROMPT", stream=True):
    print(part, end="")""",
        kept=MESSAGES_WITH_TEXT.format("chat.h"),
        note="needs anthropic<1, or it does not import",
    ),
    Tool(
        "jupyter-ai-magics",
        "peer",
        ("jupyter-ai-magics==2.31.7", "langchain-openai==0.3.35"),
        "%load_ext jupyter_ai_magics\n%config AiMagics.max_history = 0",
        '%%ai openai-chat-custom:anthropic/claude-sonnet-4.6 -m {"openai_api_base":"URL/v1"}\nPROMPT',
        env={"OPENAI_API_KEY": "loop"},
        note="does not stream",
    ),
    Tool(
        "jupyter-ai-magic-commands",
        "peer",
        ("jupyter-ai-magic-commands==0.0.4",),
        "%load_ext jupyter_ai_magic_commands\n%ai alias loop openai/anthropic/claude-sonnet-4.6 --api-base URL/v1",
        "%%ai loop\nPROMPT",
        env={"OPENAI_API_KEY": "loop", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        note="does not stream",
    ),
    Tool(
        "Cellmage",
        "peer",
        ("cellmage[langchain]==0.9.7",),
        "%load_ext cellmage",
        "%%llm -m anthropic/claude-sonnet-4.6 --no-history\nPROMPT",
        env={"CELLMAGE_API_KEY": "loop", "CELLMAGE_API_BASE": "URL/v1"},
        note="needs its langchain extra, or there is no magic",
    ),
    Tool(
        "google-generativeai magics",
        "peer",
        ("google-generativeai==0.8.6", "pandas"),
        """\
import google.generativeai as genai
genai.configure(api_key="loop", transport="rest", client_options={"api_endpoint": "URL"})
%load_ext google.generativeai.notebook""",
        "%%llm --outputs res\nPROMPT",
        note="does not stream; its table cuts the text",
    ),
)
