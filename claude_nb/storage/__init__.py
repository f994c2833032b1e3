"""The history and record files."""
