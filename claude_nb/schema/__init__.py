"""JSON schemas of Python types and functions; values that are checked against them and built from them.

hints      of(): a schema of a class or a type hint; functions: of_function(): one of the parameters of a function
fits       problem(): why a value does not fit a schema, in one line; refuse(): why a schema is none
instances  build(): a dataclass, an Enum, a date ... of a value that fits
"""

from claude_nb.schema.fits import problem, refuse
from claude_nb.schema.functions import of_function
from claude_nb.schema.hints import of
from claude_nb.schema.instances import build

__all__ = ["build", "of", "of_function", "problem", "refuse"]
