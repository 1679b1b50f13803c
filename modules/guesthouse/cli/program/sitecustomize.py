"""What Python imports as it starts (https://docs.python.org/3/library/site.html), in all that the
engine starts: who is interrupted ends without a traceback, even while he imports.

This folder is on the engine's PYTHONPATH. Nothing but the standard library is there yet.
The command itself imports this first, by its whole name.
"""

from __future__ import annotations

import sys
import warnings
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs


def _on_exception(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


def _on_unraisable(told: UnraisableHookArgs) -> None:
    if not issubclass(told.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(told)


sys.excepthook = _on_exception
sys.unraisablehook = _on_unraisable
# A loop that ends in the midst drops what it was about to run.
warnings.filterwarnings(
    "ignore", r"coroutine '.*' was never awaited", RuntimeWarning, r"asyncio\.base_events"
)
