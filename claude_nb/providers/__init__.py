"""The services that can be asked: addresses, keys, models, wire formats, HTTP."""
