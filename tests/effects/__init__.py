"""Every row of the table of effects, done to a running guest: `python tests/effects`."""
