"""Texts that are safe to show and to store: keys are masked, control characters are visible."""
