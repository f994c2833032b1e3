"""HTTP on top of httpx: retries, time-outs, streams, keep-alive."""
