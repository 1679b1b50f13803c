"""What libvirt writes into a document by itself: no drift, whoever reads it.

Everything else that is on the machine and not in our document was put there by somebody, and is
shown. Patterns are paths as in the table of effects. Seen with libvirt 9.0 to 11.3 (its test
driver and QEMU); https://libvirt.org/formatdomain.html says what each one is.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache

_ANY = (
    "*/alias*",
    "*/address*",
    "metadata*",  # other tools' notes
    "resource*",
    "seclabel*",
    "vcpus*",
    "vcpu@current",
    "vcpu@placement",
    "iothreadids*",
    "os/loader*",
    "os/nvram*",
    "os/firmware*",
    "os/boot*",
    "os/type@*",
    "features/smm*",
    "features/vmcoreinfo*",
    "cpu@*",
    "cpu/model*",
    "cpu/vendor*",
    "cpu/feature*",
    "cpu/topology*",
    "cpu/numa/cell@*",
    "clock@*",
    "clock/timer*",
    "pm*",
    "emulator*",
    "input*",
    "audio*",
    "memory*",  # plugged memory is part of what the guest has
    "currentMemory*",
    "maxMemory@*",
    "controller*",
    "disk/backingStore*",
    "disk/source@index",
    "disk/source/privateData*",
    "disk/boot*",
    "disk/readonly*",
    "disk/target@tray",
    "interface/target*",
    "interface/source@portid",
    "interface/source@bridge",
    "interface/model*",
    "interface/rom*",
    "interface/boot*",
    "interface/driver*",
    "interface/backend*",
    "hostdev/driver*",
    "hostdev/boot*",
    "serial*",
    "parallel*",
    "console*",
    "channel/source*",
    "channel/target@state",
    "channel/target@type",
    "channel@*",
    "video*",
    "memballoon*",
    "rng*",
    "watchdog@*",
    "panic@*",
    "graphics@*",
    "graphics/listen*",
    "tpm/backend*",
)
# What a device of the host is found by: an address and an alias, but not what libvirt gave it.
_FOUND_BY = ("hostdev/source", "hostdev/alias")
# A machine type brings its own watchdog and, on some, a panic device.
_OWN_DEVICES = ("watchdog", "panic")
# Values that say that nothing is set: defaults, and what libvirt writes once something was.
_NEUTRAL = (
    (re.compile("vcpu"), ("1",)),
    (re.compile("on_(poweroff|crash)"), ("destroy",)),
    (re.compile("on_reboot"), ("restart",)),
    (re.compile(r"cputune/shares"), ("100", "1024")),
    (re.compile(r"cputune/(\w+_)?period"), ("100000",)),
    (re.compile(r"cputune/(\w+_)?quota"), ("-1", "18446744073709551")),
    (re.compile(r"memtune/\w+"), ("9007199254740988", "9007199254740991")),
    (re.compile(r"memtune/\w+@unit"), ("KiB",)),
    (re.compile(r"blkiotune/weight"), ("100",)),
    (re.compile(r"disk/iotune/\w+"), ("0",)),
    (re.compile(r"interface/link@state"), ("up",)),
    (re.compile(r"hostdev@(display|ramfb)"), ("off",)),
)


@cache
def own(path: str) -> bool:
    """Is what has this path libvirt's own addition?"""
    if path.startswith(_FOUND_BY):
        return False
    return path in _OWN_DEVICES or any(fnmatchcase(path, pattern) for pattern in _ANY)


def neutral(path: str, value: str) -> bool:
    """Does this value say that nothing is set?"""
    return any(where.fullmatch(path) and value in values for where, values in _NEUTRAL)
