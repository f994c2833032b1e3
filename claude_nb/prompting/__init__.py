"""Everything that the user puts into a prompt: templates, attachments, downloads."""
