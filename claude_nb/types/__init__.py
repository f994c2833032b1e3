"""The frozen values that every room shares: messages, requests, settings, replies."""
