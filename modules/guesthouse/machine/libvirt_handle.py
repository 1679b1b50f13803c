"""libvirt handles: one open connection per host, shared by all threads, reopened when it died.

Remote hosts go through libvirt's ssh transport (https://libvirt.org/uri.html) with our own ssh
command, so the pinned keys and the shared connection are the same as everywhere else.
"""

from __future__ import annotations

import threading
import time
from typing import Any
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

import libvirt

from guesthouse.errors import Problem, UnreachableError
from guesthouse.machine.ssh import SshDirectory

OPEN_TRIES = 3
OPEN_PAUSE_S = 2.0


def _quiet(_context: Any, _error: Any) -> None:
    """libvirt prints every error to stderr by itself; ours are exceptions."""


libvirt.registerErrorHandler(_quiet, None)


def ssh_uri(ssh: SshDirectory, name: str) -> str:
    """The URI of the system's QEMU driver on the machine ``name`` of an ssh folder."""
    return f"qemu+ssh://{name}/system?{urlencode({'command': str(ssh.wrapper)})}"


_tests: WeakKeyDictionary[libvirt.virConnect, bool] = WeakKeyDictionary()


def is_test(handle: libvirt.virConnect) -> bool:
    """Is this libvirt's test driver? Asked once per connection."""
    if handle not in _tests:
        _tests[handle] = handle.getType() == "TEST"
    return _tests[handle]


class LibvirtHandles:
    """Pool of connections by URI; `close` ends them all."""

    def __init__(self) -> None:
        self._handles: dict[str, libvirt.virConnect] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def get(self, uri: str, host: str) -> libvirt.virConnect:
        """An open connection; raises UnreachableError with libvirt's own words."""
        with self._guard:
            lock = self._locks.setdefault(uri, threading.Lock())
        with lock:
            handle = self._handles.get(uri)
            if handle is not None and handle.isAlive():
                return handle
            self._handles[uri] = _open(uri, host)
            return self._handles[uri]

    def close(self) -> None:
        """Close all connections."""
        with self._guard:
            for handle in self._handles.values():
                handle.close()
            self._handles.clear()


def _open(uri: str, host: str) -> libvirt.virConnect:
    """A new connection; a daemon that just ends for want of work is started again by systemd."""
    for left in reversed(range(OPEN_TRIES)):
        try:
            return libvirt.open(uri)
        except libvirt.libvirtError as error:
            if left:
                time.sleep(OPEN_PAUSE_S)
                continue
            raise UnreachableError(
                Problem(
                    f"host {host}",
                    "libvirt does not answer",
                    got=str(error.get_error_message()),
                    hint="is libvirtd installed and running on the host?",
                )
            ) from error
    raise AssertionError("a loop of at least one try")
