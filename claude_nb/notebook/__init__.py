"""The notebook side: magic, options, completion, commands, display."""
