"""Providers of models: addresses, keys, models, wire formats, HTTP."""
