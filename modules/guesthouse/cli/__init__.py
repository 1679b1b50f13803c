"""Room: the `guesthouse` command, thin doors to all other rooms.

Comes in: arguments. Goes out: text or JSON, and a stable exit code (see ``errors``). May import:
everything; what is heavy (the engine's SDK, libvirt, testinfra) only inside a command, so that
``guesthouse --help`` answers at once. Third-party names here: typer, rich.
"""

# Before all other imports, which take a moment: who presses Ctrl-C then sees no traceback.
from guesthouse.cli.program import sitecustomize  # noqa: F401
