"""JSON Schema: from Python types and functions, to checked values and instances.

from_hints      of(): the schema of a class or a type hint
from_functions  of_function(): the schema of a function's parameters; apart, because it reads docstrings
validation      problem(): why a value does not match a schema; schema_error(): why a schema is not valid
parsing         read(): the JSON in the text of a reply, checked
instances       build(): a dataclass, an Enum, a date ... from checked JSON
"""

from claude_nb.schema.from_functions import of_function
from claude_nb.schema.from_hints import Schema, of
from claude_nb.schema.instances import build
from claude_nb.schema.parsing import dumped, read, without_thinking
from claude_nb.schema.validation import problem, schema_error

__all__ = [
    "Schema",
    "build",
    "dumped",
    "of",
    "of_function",
    "problem",
    "read",
    "schema_error",
    "without_thinking",
]
