"""Language models that run on this machine: their files, and the engine that runs them in a process of its own."""
