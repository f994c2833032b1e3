"""The frozen values that all rooms share: messages, requests, settings and replies."""
