"""How a program ends with an error of ours: said once, and nothing added by the engine."""

from __future__ import annotations

from typing import NoReturn

import pulumi

from guesthouse.errors import GuesthouseError, note_exit_code

# A program that ends with this has said what is wrong. With 1, as after a RunError, the engine adds
# that "an unhandled error occurred": see the number 32 in
# https://github.com/pulumi/pulumi/blob/master/sdk/python/cmd/pulumi-language-python-exec
_HAS_SAID_WHY = 32


def end_with(error: GuesthouseError) -> NoReturn:
    """Say the error in the engine's display, and end the program."""
    fail(str(error), error.exit_code)


def fail(text: str, exit_code: int) -> NoReturn:
    """The same with a text; ``exit_code`` is what `guesthouse` then ends with."""
    pulumi.log.error(text)
    note_exit_code(exit_code)
    raise SystemExit(_HAS_SAID_WHY)
