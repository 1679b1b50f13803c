"""No more guests boot side by side than their host may have; libvirt's test driver runs them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from guesthouse.machine.connections import Connections
from guesthouse.provider.guest import GuestResource
from guesthouse.provider.resource import Call

NODE = Path(__file__).resolve().parent / "node.xml"
WAIT_S = 30
XML = """<domain type="test"><name>web</name><uuid>{}</uuid><metadata><guesthouse:guest
xmlns:guesthouse="urn:guesthouse:1" site="s" project="p" stack="t" name="web"/></metadata>
<memory unit="MiB">64</memory><os><type>hvm</type></os></domain>"""
UUID = "00000000-0000-4000-8000-0000000000b0"


def inputs() -> dict[str, Any]:
    """A guest without disks on a host of the test driver that boots one guest at a time."""
    connection = {
        "name": "memory",
        "address": "",
        "port": 22,
        "user": "root",
        "identity_file": "",
        "host_keys": [],
        "libvirt_uri": f"test://{NODE}",
        "maintenance": False,
        "boots_at_once": 1,
    }
    return {
        "connection": connection,
        "mark": {"site": "s", "project": "p", "stack": "t"},
        "name": "web",
        "uuid": UUID,
        "domain_xml": XML.format(UUID),
        "power": "running",
        "autostart": False,
        "disks": [],
        "seed": {},
        "secrets": {},
        "login": "",
    }


def test_a_guest_is_defined_and_waits_for_its_turn_to_boot() -> None:
    connections, values = Connections(), inputs()
    host = connections.get(values["connection"])
    said: list[str] = []
    waiting, booting = threading.Event(), threading.Event()

    def say(message: str) -> None:
        said.append(message)
        (waiting if "turn" in message else booting).set()

    resource = GuestResource(connections)
    work = threading.Thread(target=resource.create, args=(Call("urn", say), values), daemon=True)
    with host.boots:
        work.start()
        assert waiting.wait(WAIT_S)
        found = host.libvirt.lookupByUUIDString(UUID)
        assert not found.isActive()
        assert not booting.wait(0.3)
    work.join(WAIT_S)
    assert found.isActive()
    assert said == ["web: defined, waiting for its turn to boot", "web: booting"]
    found.destroy()
    found.undefine()
    connections.close()
