"""Record the replies of lessons 10 to 12. People wrote them; no model was asked.

python scripts/lesson_answers.py

A server on this machine streams them to each notebook, which writes them to a record file beside it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # when it is run as a script
from scripts import lesson_12_answers

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
PORT = 8765  # the lessons name it too: the address is a part of each request
PAUSE_S = 0.03

CHART = """Here is a bar for each item, the largest first:

```python
counts = table.groupby("item")["count"].sum().sort_values(ascending=False)
ax = counts.plot.bar(rot=0, ylabel="ordered", title="Orders of the day")
```

Look at the code before you run it."""

# A part of a prompt, and the reply to it. The first match is sent.
DATA_WORK = (
    (
        "This does not fit",
        '{"answer": [{"name": "Grace", "item": "cake", "count": 12, "paid": true}, '
        '{"name": "Alan", "item": "tea", "count": 1, "paid": false}]}',
    ),
    (
        "dozen scones",
        '{"answer": [{"name": "Grace", "item": "scone", "count": 12, "paid": true}, '
        '{"name": "Alan", "item": "tea", "count": 1, "paid": false}]}',
    ),
    (
        "List the orders",
        '{"answer": [{"name": "Ada", "item": "tea", "count": 2, "paid": false}, '
        '{"name": "Ben", "item": "cake", "count": 1, "paid": true}, '
        '{"name": "Ben", "item": "coffee", "count": 1, "paid": true}, '
        '{"name": "Chen", "item": "coffee", "count": 3, "paid": false}, '
        '{"name": "Dora", "item": "tea", "count": 1, "paid": true}]}',
    ),
    (
        "stands out",
        "**August** stands out: 210 cups, less than half of July's 560. The table does not say why; a café that was "
        "closed for two weeks would look like this, and so would a missing page in the book.",
    ),
    (
        "the plot",
        "It shows one dip in an otherwise smooth curve: sales climb from February to July, break in August, and from "
        "September on fall as gently as they rose. That speaks for one event in August, and against a slow decline.",
    ),
    ("matplotlib", CHART),
)
HAIKU = """Snow on the fence posts,
each one wearing a white hat
the wind did not knit."""
REAL_MODEL = (
    ("Peru", "The capital of Peru is **Lima**."),
    ("17 times 23", "17 × 23 = 17 × 20 + 17 × 3 = 340 + 51 = **391**"),
    ("haiku about snow", HAIKU),
)
ANSWERS = {
    NOTEBOOKS / "10_data_work.ipynb": DATA_WORK,
    NOTEBOOKS / "11_a_real_model.ipynb": REAL_MODEL,
    NOTEBOOKS / "12_is_it_better.ipynb": lesson_12_answers.ANSWERS,
}


class Handler(BaseHTTPRequestHandler):
    """Chat completions, streamed word by word."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        prompt = _text(request["messages"][-1]["content"])
        reply = next(text for answers in ANSWERS.values() for part, text in answers if part in prompt)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        pieces = [piece for word in reply.split(" ") for piece in (word, " ")][:-1]
        for piece in pieces:
            self._send({"choices": [{"index": 0, "delta": {"content": piece}}], "model": request["model"]})
            time.sleep(PAUSE_S)
        # Four characters a token, as the forecasts of claude_nb assume.
        usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": len(reply) // 4}
        self._send({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def _send(self, data: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()


def _text(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def record(lesson: Path) -> None:
    """Run a lesson against the server, and write its record file."""
    record_file = lesson.with_suffix(".jsonl")
    notebook = nbformat.read(lesson, as_version=4)
    # The cells that check the lesson fit the recorded replies only.
    notebook.cells = [cell for cell in notebook.cells if "hide-input" not in cell.metadata.get("tags", ())]
    for cell in notebook.cells:
        cell.source = cell.source.replace(f"%claude /replay only {record_file.name}", "%claude /replay off")
    # Only the replies after /replay are recorded, not those of models on this machine before it.
    start = next(i for i, cell in enumerate(notebook.cells) if "%claude /replay" in cell.source)
    notebook.cells[:start] = [cell for cell in notebook.cells[:start] if "%load_ext" in cell.source]
    end = next(i for i, cell in enumerate(notebook.cells) if "%claude /unset provider" in cell.source)
    notebook.cells[end].source = f"%claude /record {record_file.name}"
    del notebook.cells[end + 1 :]
    record_file.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CLAUDE_NB_HISTORY"] = str(Path(folder) / "history.db")
        resources = {"metadata": {"path": str(lesson.parent)}}
        NotebookClient(notebook, timeout=120, resources=resources, kernel_name="python3").execute()
    print(notebook.cells[end].outputs[0]["text"])


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    names = sys.argv[1:]  # the beginnings of their names; none: all lessons
    for lesson in ANSWERS:
        if not names or lesson.name.startswith(tuple(names)):
            record(lesson)
    server.shutdown()


if __name__ == "__main__":
    main()
