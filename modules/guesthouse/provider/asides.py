"""Disks set aside: renamed, kept for ``keep_aside_days``, then removed.

A file set aside is named ``PATH.aside.SECONDS``, with the time (since the epoch) when that was
done; its mtime is that of its last write and says nothing. An update removes only what the state
listed before, since that is what the preview could show.
"""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from guesthouse.effects import Change, Effect
from guesthouse.effects.change import THERE
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import volumes
from guesthouse.provider.ownership import quoted
from guesthouse.provider.resource import Call, Values

_NAMED = re.compile(r"(?P<path>.+)\.aside\.(?P<second>[0-9]{1,11})")
DAY_S = 24 * 60 * 60


def set_aside(
    host: HostConnection, disk: Mapping[str, Any], asides: list[str]
) -> Callable[[], None]:
    """Rename a volume so that its name is free and its data stay; what is returned takes it back.
    ``asides`` are the guest's, and get one more.

    The test driver has no data: there the volume goes.
    """
    handle = host.libvirt
    if host.is_test:
        volumes.remove(handle, [(disk["pool"], disk["volume"])])
        return lambda: None
    new = f"{disk['path']}.aside.{int(time.time())}"
    path, aside = quoted(disk["path"]), quoted(new)
    host.root(f"mv -n -- {path} {aside}")
    asides.append(new)
    volumes.pool(handle, disk["pool"]).refresh(0)

    def back() -> None:
        asides.remove(new)
        host.root(f"mv -f -- {aside} {path}")
        volumes.pool(handle, disk["pool"]).refresh(0)

    return back


def find(host: HostConnection, state: Values) -> list[str]:
    """Paths of all that was set aside of a guest, as the host has them."""
    if host.is_test:
        return []
    known = [*(disk["path"] for disk in state["declared"]["disks"]), *listed(state)]
    folders = sorted({posixpath.dirname(str(path)) for path in known})
    if not folders:
        return []
    where = " ".join(quoted(folder) for folder in folders)
    pattern = quoted(f"{state['name']}.*.aside.*")
    # A folder that is gone has nothing of it.
    told = host.root(f"find {where} -maxdepth 1 -type f -name {pattern} 2>/dev/null || true")
    return sorted(line for line in told.splitlines() if _is_of(line, str(state["name"]), folders))


def _is_of(path: str, guest: str, folders: Sequence[str]) -> bool:
    folder, name = posixpath.split(path)
    return folder in folders and name.startswith(f"{guest}.") and bool(_NAMED.fullmatch(name))


def listed(state: Values) -> list[str]:
    """What the state lists; one of an earlier version has no list."""
    return [str(path) for path in state.get("asides") or () if _NAMED.fullmatch(str(path))]


def due_now(state: Values, inputs: Values) -> list[str]:
    """What an update removes: the state lists it, and it was kept long enough."""
    return [path for path in listed(state) if _until(path, inputs) <= time.time()]


def due_soon(state: Values, inputs: Values) -> list[str]:
    """For a preview: due now, or within the day, as its `up` may come later."""
    return [path for path in listed(state) if _until(path, inputs) <= time.time() + DAY_S]


def _second(path: str) -> int:
    found = _NAMED.fullmatch(path)
    return int(found["second"]) if found else 0


def _until(path: str, inputs: Values) -> int:
    return _second(path) + int(inputs["keep_aside_days"]) * DAY_S


def removals(paths: Iterable[str], inputs: Values) -> list[Change]:
    """In the user's words. No permission is asked: it was given when the disk was set aside."""
    return [
        Change(
            f"{posixpath.basename(path).partition('.aside.')[0]} set aside {_time(_second(path))}",
            THERE,
            "",
            Effect.NONE,
            why=f"kept until {_time(_until(path, inputs))}",
        )
        for path in paths
    ]


def _time(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S} UTC"


def removal(paths: Sequence[str]) -> str:
    """Shell text that removes these files; empty for none."""
    return f"rm -f -- {' '.join(quoted(path) for path in paths)}" if paths else ""


def remove(call: Call, host: HostConnection, name: str, paths: Sequence[str]) -> None:
    """Remove at once, and say what."""
    for path in paths:
        call.say(f"{name}: removing {path}, set aside {_time(_second(path))}")
    if paths:
        host.root(removal(paths))
