"""Two `guesthouse up` at once, twenty times on each backend: `python tests/races`."""
