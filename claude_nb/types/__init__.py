"""The frozen values of all rooms: messages, requests, settings and replies."""
