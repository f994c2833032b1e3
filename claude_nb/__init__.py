"""Talk to Claude from notebook cells."""

__version__ = "0.1.0"
