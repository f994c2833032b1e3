"""Run the calls of a sweep: threads, queue, throttle, workers."""
