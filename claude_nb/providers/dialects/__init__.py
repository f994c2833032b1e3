"""Wire formats: a request becomes JSON, events become chunks. No I/O."""
