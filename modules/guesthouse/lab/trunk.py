"""One trunk for all hosts: the bridge of the containers and a hub of the emulated pair are joined.

By a process in the containers' world, which ends with it. Either side may come and go: what nobody
takes is lost.
"""

from __future__ import annotations

from guesthouse.lab import cgroup, hubs, relay, superuser, wires, world
from guesthouse.lab.host import WHOLE
from guesthouse.lab.state import Folder, Record

# The tap that leads to the pair; a segment's name, which a bridge has, has no dot.
TAP = "trunk.pair"


def join(folder: Folder, record: Record) -> None:
    """Joins the two, if a lab has both, the world runs, and they are not joined yet."""
    lab = world.read(folder.containers)
    host = next((host for host in record.hosts if host.joins), None)
    if lab is None or host is None:
        return
    name = hubs.joined(host)
    if not relay.runs(folder.lab, name):
        ends = [*relay.taps(TAP), *relay.sockets(name, hubs.join(host))]
        argv = lab.inside("env", f"--chdir={folder.lab}", *relay.command(ends, WHOLE))
        group = cgroup.of_lab(folder.lab).child("join")
        group.remove()
        group.make()
        relay.start(group.entering(*argv), folder.lab, name, superuser.start)
    wires.plug(lab, TAP, "trunk")
