"""The notebook side: magics, options on the line, completion, slash commands, display."""
