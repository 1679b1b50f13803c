"""A libvirtd, an sshd and QEMU of the tests' own, in namespaces of their own. Run with

engine/libvirt/private-libvirtd.sh .venv/bin/pytest -n 0 -m lab tests/hypervisor
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guesthouse.machine.connections import Connections, HostConnection

REGISTRY = Path("/var/lib/guesthouse")
SOCKETS = Path("/run/libvirt")


@pytest.fixture(scope="session")
def connection() -> Iterator[dict[str, Any]]:
    """The `connection` input of the private host."""
    if "GUESTHOUSE_TEST_SOCKET" not in os.environ:
        pytest.fail("run it with engine/libvirt/private-libvirtd.sh", pytrace=False)
    # All of this is in the namespaces of that script, and ends with it.
    REGISTRY.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", str(REGISTRY)], check=True)
    Path("/run/lock").mkdir(exist_ok=True)
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


@pytest.fixture
def connections() -> Iterator[Connections]:
    made = Connections()
    yield made
    made.close()


@pytest.fixture
def host(connection: dict[str, Any], connections: Connections) -> HostConnection:
    return connections.get(connection)
