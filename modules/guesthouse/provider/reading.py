"""A read is tried twice: it changes nothing, and one broken link must not end a refresh of all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import libvirt

from guesthouse.errors import MachineError

T = TypeVar("T")

# A host that is away has had its time after that.
QUICK_S = 10.0
PAUSE_S = 2.0


def read_twice(read: Callable[[], T], say: Callable[[str], None]) -> T:
    """What ``read`` gives; where it failed at once, it is said and tried again, the last time."""
    begun = time.monotonic()
    try:
        return read()
    except (MachineError, libvirt.libvirtError) as error:
        if time.monotonic() - begun > QUICK_S:
            raise
        reason = str(error).partition("\n")[0]
        say(f"looking once more, since the first look failed: {reason}")
    time.sleep(PAUSE_S)
    return read()
