"""A libvirtd, an sshd and QEMU of the tests' own, in namespaces of their own. Run with

engine/libvirt/private-libvirtd.sh .venv/bin/pytest -n 0 -m lab tests/hypervisor
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from private_host import private_connection

from guesthouse.machine.connections import Connections, HostConnection


@pytest.fixture(scope="session")
def connection() -> Iterator[dict[str, Any]]:
    """The `connection` input of the private host."""
    if "GUESTHOUSE_TEST_SOCKET" not in os.environ:
        pytest.fail("run it with engine/libvirt/private-libvirtd.sh", pytrace=False)
    with private_connection() as made:
        yield made


@pytest.fixture
def connections() -> Iterator[Connections]:
    made = Connections()
    yield made
    made.close()


@pytest.fixture
def host(connection: dict[str, Any], connections: Connections) -> HostConnection:
    return connections.get(connection)
