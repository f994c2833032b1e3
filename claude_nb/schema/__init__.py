"""JSON schemas of Python types and functions; values that are checked against them and built from them.

hints      of(): a schema of a class or a type hint; functions: of_function(): one of the parameters of a function
fits       problem(): why a value does not fit a schema, in one line; refuse(): why a schema is none
reading    read(): the value in the text of a reply, checked
instances  build(): a dataclass, an Enum, a date ... of a value that fits
strict     what servers take of a schema: for_claude(), is_strict()
"""

from claude_nb.providers.dialects.strict_schema import for_claude, is_strict
from claude_nb.schema.from_hints import Schema, of
from claude_nb.schema.from_functions import of_function
from claude_nb.schema.instances import build
from claude_nb.schema.parsing import dumped, read
from claude_nb.schema.validation import problem, refuse

__all__ = ["Schema", "build", "dumped", "for_claude", "is_strict", "of", "of_function", "problem", "read", "refuse"]
