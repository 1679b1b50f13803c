"""kill -9 at every machine call, and what the next run makes of it: `python tests/faults`."""
