"""The host that engine/libvirt/private-libvirtd.sh makes, as a resource's ``connection`` has it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REGISTRY = Path("/var/lib/guesthouse")
SOCKETS = Path("/run/libvirt")


@contextmanager
def private_connection() -> Iterator[dict[str, Any]]:
    """The `connection` input; virtlogd runs beside libvirtd as long."""
    # All of this is in the namespaces of that script, and ends with it.
    REGISTRY.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", str(REGISTRY)], check=True)
    (SOCKETS / "libvirt-sock").symlink_to(os.environ["GUESTHOUSE_TEST_SOCKET"])
    logger = subprocess.Popen(["virtlogd"])
    while not (SOCKETS / "virtlogd-sock").exists():
        time.sleep(0.1)
    here = Path(os.environ["GUESTHOUSE_TEST_SSH_CONFIG"]).parent
    key = (here / "host_key.pub").read_text().split()
    yield {
        "name": "private",
        "address": "127.0.0.1",
        "port": 2200,
        "user": "root",
        "identity_file": str(here / "user_key"),
        "host_keys": [" ".join(key[:2])],
        "libvirt_uri": "",
        "maintenance": False,
        "boots_at_once": 1,
    }
    logger.terminate()
    logger.wait()
    subprocess.run(["umount", "--lazy", str(REGISTRY)], check=True)
