"""Turn what the user names into parts of a prompt: templates, attachments, downloads."""
