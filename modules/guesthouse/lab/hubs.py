"""The NICs of an emulated host and what they are plugged into: hubs of its QEMU, and wires.

Beside the NICs that all hosts have, ``enp1s0`` is an igb PF with SR-IOV, ``enp2s0`` a spare e1000e
with no cable, alone behind its port: a card to pass to a guest. Trunk and PF are each wired to
those of the next emulated host::

    trunk NIC -- NIC_HUB -- cord -- TRUNK_HUB -- trunk wires, to the hosts before and after
                                             `-- join wire, to the container hosts (one host's)
    PF -- SRIOV_HUB -- sriov wires, to the hosts before and after

With ``one_segment`` the joining host's PF and its wire are on TRUNK_HUB too. Each of these is done
by one host only: a second would be a loop. What slows a trunk takes the place of the cord.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from guesthouse.lab import qmp, relay
from guesthouse.lab.host import LabHost, Link
from guesthouse.lab.ports import LOOPBACK

TRUNK_HUB, SRIOV_HUB, NIC_HUB = 0, 1, 2
# The two ends of the cord, and their hubs.
CORD = {"cord.near": NIC_HUB, "cord.far": TRUNK_HUB}


def port(name: str, hub: int, netdev: str = "") -> list[str]:
    """A port of a hub, for a NIC or with a wire or another port behind it."""
    behind = f",netdev={netdev}" if netdev else ""
    return ["-netdev", f"hubport,id={name},hubid={hub}{behind}"]


def drain(name: str, hub: int) -> list[str]:
    """Nobody is behind this port, so a hub always reads: a NIC that is down would fill the socket,
    stall the other host's NIC and make its QEMU spin (measured)."""
    return port(f"{name}.drain", hub)


def wire(name: str, hub: int, near: str, far: str) -> list[str]:
    """A wire at a hub: Ethernet frames as datagrams between two sockets of the lab's folder. QEMU
    takes a dead one's socket away, and drops what nobody hears."""
    path = f"local.type=unix,local.path={near},remote.type=unix,remote.path={far}"
    return [
        *("-netdev", f"dgram,id={name}.wire,{path}"),
        *port(f"{name}.end", hub, f"{name}.wire"),
    ]


def wires(host: LabHost, name: str, hub: int) -> list[str]:
    """The wires to the host's neighbours. Each side of one is told by which way it leads."""
    found = []
    if host.before:
        own, other = f"{host.name}.{name}.before", f"{host.before}.{name}.after"
        found += wire(f"{name}.before", hub, own, other)
    if host.after:
        own, other = f"{host.name}.{name}.after", f"{host.after}.{name}.before"
        found += wire(f"{name}.after", hub, own, other)
    return found


def trunk(host: LabHost) -> list[str]:
    """What the trunk's NIC is plugged into."""
    near, far = CORD
    joint = wire("join", TRUNK_HUB, join(host), joined(host)) if host.joins else []
    return [
        *port("trunk", NIC_HUB),
        *port(near, NIC_HUB),
        *drain("nic", NIC_HUB),
        *port(far, TRUNK_HUB, near),
        *wires(host, "trunk", TRUNK_HUB),
        *joint,
        *drain("trunk", TRUNK_HUB),
    ]


def sriov(host: LabHost, one_segment: bool) -> list[str]:
    """What the PF is plugged into."""
    hub = TRUNK_HUB if one_segment and host.joins else SRIOV_HUB
    return [
        *wires(host, "sriov", hub),
        *port("sriov", hub),
        *drain("sriov", hub),
    ]


def nics(host: LabHost, one_segment: bool) -> list[str]:
    """The host's NICs."""
    nic = "virtio-net-pci,netdev"
    return [
        *("-netdev", f"user,id=management,hostfwd=tcp:{LOOPBACK}:{host.ssh_port}-:22"),
        *("-device", f"{nic}=management,addr=0x3,mac={host.mac(1)}"),
        *trunk(host),
        *("-device", f"{nic}=trunk,addr=0x4,mac={host.mac(2)}"),
        *("-device", "pcie-root-port,id=port1,slot=1,addr=0x1c"),
        *sriov(host, one_segment),
        *("-device", f"igb,netdev=sriov,bus=port1,mac={host.mac(3)}"),
        *("-device", "pcie-root-port,id=port2,slot=2,addr=0x1d"),
        *("-device", f"e1000e,bus=port2,mac={host.mac(4)}"),
    ]


def join(host: LabHost) -> str:
    """The socket where the joining host's QEMU gets the frames of container hosts."""
    return f"{host.name}.join"


def joined(host: LabHost) -> str:
    """The socket where container hosts get the frames of the pair's trunk; there may be none."""
    return f"{host.name}.joined"


def slow_ends(host: LabHost) -> list[str]:
    """The ends of what takes the place of the cord when the trunk is slow."""
    return [word for end in CORD for word in relay.sockets(*_paths(host, end)[::-1])]


def link(path: Path, host: LabHost, state: Link) -> None:
    """Makes the trunk so in a running QEMU, whose QMP socket is ``path``. Its NIC keeps its port:
    all that it sees is a carrier that is lost when the link is cut."""
    for end in (*CORD, *(f"{end}.wire" for end in CORD)):
        _unplug(path, end)
    for end, hub in CORD.items():
        plug: dict[str, Any] = {"type": "hubport", "id": end, "hubid": hub}
        if state.slow:
            near, far = ({"type": "unix", "path": name} for name in _paths(host, end))
            qmp.command(path, "netdev_add", type="dgram", id=f"{end}.wire", local=near, remote=far)
            plug |= {"netdev": f"{end}.wire"}
        elif hub == TRUNK_HUB:
            plug |= {"netdev": next(iter(CORD))}
        qmp.command(path, "netdev_add", **plug)
    qmp.command(path, "set_link", name="trunk", up=state.up)


def _paths(host: LabHost, end: str) -> tuple[str, str]:
    """The sockets of one end of a slow trunk: QEMU's, and that of the wire's process."""
    return f"{host.name}.{end}", f"{host.name}.{end}.wire"


def _unplug(path: Path, name: str) -> None:
    # It may not be there.
    with suppress(qmp.RefusedError):
        qmp.command(path, "netdev_del", id=name)
