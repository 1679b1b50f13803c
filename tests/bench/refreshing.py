"""Reading 200 unchanged guests of one host again, against a call for each of them.

On a libvirtd and an sshd of our own on loopback, where a round trip costs next to nothing: over a
real line the difference is larger. The peer asks each guest by one `virsh dumpxml` over the shared
ssh connection, which is less than we ask: no state, autostart, volumes, addresses.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "hypervisor")]

from bench.rows import Row, in_turn, wall_s  # noqa: E402

PRIVATE = TESTS.parent / "engine" / "libvirt" / "private-libvirtd.sh"


def rows(quick: bool) -> list[Row]:
    """Wall time of all reads, one after the other."""
    count = 50 if quick else 200
    argv = [str(PRIVATE), sys.executable, __file__, str(count)]
    result = subprocess.run(argv, capture_output=True, text=True, check=True)
    ours, peer = json.loads(result.stdout.splitlines()[-1])
    name = f"refresh of {count} unchanged guests of one host"
    return [Row(name, "a call for each", 5, True, ours, peer)]


def measured(count: int) -> list[float]:
    """[ours, the peer's], inside the private namespaces."""
    from many_guests import define, state, uuid
    from private_host import private_connection

    from guesthouse.machine.connections import Connections
    from guesthouse.provider.guest import GuestResource

    with private_connection() as connection:
        connections = Connections()
        host = connections.get(connection)
        states = [{**state(host, i), "connection": connection} for i in range(count)]

        def together() -> None:
            guests = GuestResource(connections)
            assert all(guests.read(uuid(i), states[i]) for i in range(count))

        def each() -> None:
            for index in range(count):
                host.root(f"virsh -q -c qemu:///system dumpxml {uuid(index)}")

        with define(host, count):
            found = in_turn(3, lambda: wall_s(together), lambda: wall_s(each))
        connections.close()
    return found


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]))))
