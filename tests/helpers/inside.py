"""Code for the kernels of tests: the only place that names private parts of the package for them."""

SESSION = "__import__('claude_nb.session.default', fromlist=['x']).default_session()"
NO_SESSION = "from claude_nb.session import default as _shared\n_shared._default = None"
# Waits between tries and between the words of a replay: without end but for a stop or an interrupt; counted only.
ENDLESS_WAITS = """from claude_nb.stop_signal import Stop
usual_wait, Stop.wait = Stop.wait, lambda self, _: self._event.wait()"""
COUNTED_WAITS = """from claude_nb.stop_signal import Stop
waits = []
usual_wait, Stop.wait = Stop.wait, lambda self, seconds: waits.append(seconds) or self.is_set()"""
USUAL_WAITS = "Stop.wait = usual_wait"
