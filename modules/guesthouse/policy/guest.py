"""Rules of one guest: its disks, its permissions, how it is watched."""

from __future__ import annotations

import re
from collections.abc import Iterator

from guesthouse.errors import Problem
from guesthouse.policy.registered import Registered
from guesthouse.policy.rule import ResourceRule, problem

_TAKES_DISKS = ("destroys_data", "replace")
# "critical", and neither "not critical" nor "non-critical".
_CRITICAL = re.compile(r"(?i)(?<!not )(?<!non-)(?<!non )\bcritical\b")


def _data_disks(guest: Registered) -> Iterator[Problem]:
    data = [str(disk["name"]) for disk in guest.values["disks"] if not disk["backing_path"]]
    given = [word for word in guest.values["allow"] if word in _TAKES_DISKS]
    if data and given:
        path = ("guests", guest.name, "allow")
        what = f"permits {' and '.join(given)}, and no image brings back {', '.join(data)}"
        hint = "take it out of `allow` here, or of the site, once that change is done"
        yield problem(path, what, hint)


def _caches(guest: Registered) -> Iterator[Problem]:
    names = {str(disk["path"]): str(disk["name"]) for disk in guest.values["disks"]}
    for disk in guest.domain.iterfind("devices/disk"):
        source, driver = disk.find("source"), disk.find("driver")
        if source is not None and driver is not None and driver.get("cache") == "unsafe":
            name = names.get(source.get("file"), "")
            path = ("guests", guest.name, "disks", name, "cache")
            what = "unsafe: what the guest has written is lost when its host stops"
            yield problem(path, what, "take `cache` away, or say none or writeback")


def _watched(guest: Registered) -> Iterator[Problem]:
    if not _CRITICAL.search(guest.domain.findtext("description", "")):
        return
    lacks = [
        field
        for field, there in {
            "watchdog": guest.domain.find("devices/watchdog") is not None,
            "panic_device": guest.domain.find("devices/panic") is not None,
            "autostart": bool(guest.values["autostart"]),
        }.items()
        if not there
    ]
    if lacks:
        what = f"is called critical in its description, and has no {', no '.join(lacks)}"
        hint = "declare watchdog: reset, panic_device: true, autostart: true"
        yield problem(("guests", guest.name), what, hint)


RULES = (
    ResourceRule(
        "data-disk-protected",
        "mandatory",
        "A guest with a disk that no image brings back permits neither `destroys_data` nor "
        "`replace`.",
        "Guest",
        _data_disks,
    ),
    ResourceRule(
        "no-unsafe-cache",
        "mandatory",
        "No disk has `cache: unsafe`.",
        "Guest",
        _caches,
    ),
    ResourceRule(
        "critical-guest-watched",
        "advisory",
        "A guest whose description says critical has watchdog, panic device and autostart.",
        "Guest",
        _watched,
    ),
)
