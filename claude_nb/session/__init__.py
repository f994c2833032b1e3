"""The one place with state: options, requests, running turns, tools, budget, policy."""
