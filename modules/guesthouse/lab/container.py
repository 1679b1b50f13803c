"""A lab host as a system container: systemd-nspawn in the lab's world, on an overlay of one tree.

Its NICs are ends of wires that hang on the world's bridges, one bridge for each segment. Its ssh is
a port of this machine's loopback, passed on by systemd-socket-proxyd. All that it is lies in the
lab's folder ``containers``. Follows systemd-nspawn(1), systemd.system-credentials(7), ip-link(8).
"""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from guesthouse.errors import LabError, Problem
from guesthouse.lab import cgroup, process, relay, superuser, trunk, wires, world
from guesthouse.lab.cgroup import Group
from guesthouse.lab.host import MANAGEMENT, LabHost, Link
from guesthouse.lab.images import NEW_LAB, Say
from guesthouse.lab.needs import TUN
from guesthouse.lab.ports import LOOPBACK
from guesthouse.lab.recipe import archive
from guesthouse.lab.state import Folder, Record
from guesthouse.lab.tools import as_root, missing, run
from guesthouse.lab.world import World

# What libvirt and a host's own services call, beyond what nspawn's list allows.
SYSTEM_CALLS = "@mount @keyring bpf @raw-io @resources"
PROXY = ("/usr/lib/systemd/systemd-socket-proxyd", "/lib/systemd/systemd-socket-proxyd")
# A file's path in the host -> what it holds. Attributes `trusted.*` are only for the machine's own
# root (xattr(7)), so libvirt cannot note in them whose a disk was.
FILES = {
    "etc/hostname": "{name}\n",
    "etc/libvirt/qemu.conf": "remember_owner = 0\n",
    "etc/systemd/network/05-lab.network": f"""\
[Match]
Name={MANAGEMENT}

[Network]
Address={{address}}/{wires.PREFIX}
IPv6AcceptRA=no
LinkLocalAddressing=no
""",
}


@dataclass(frozen=True)
class Place:
    """Where a container host keeps what it is: its layer, its mount point, its network. In a folder
    of the hosts, whose names are free, so that none is that of the tree or of the world."""

    folder: Path
    name: str

    @property
    def own(self) -> Path:
        return self.folder / "hosts" / self.name

    @property
    def root(self) -> Path:
        return self.own / "root"

    @property
    def network(self) -> Path:
        return self.own / "network"

    @property
    def pidfile(self) -> Path:
        return self.own / "pid"


def start(folder: Folder, host: LabHost, record: Record, say: Say) -> None:
    """Boots the host on a layer of its own over the host image's tree."""
    place = Place(folder.containers, host.name)
    again = (place.own / "layer").exists()
    say(f"host {host.name}: {'starting again from its disk' if again else 'starting'} (container)")
    group = cgroup.of_lab(folder.lab)
    stop(folder, host, say)
    place.own.mkdir(parents=True, exist_ok=True)
    listener = _listen(host)
    try:
        lab = _world(folder, group)
        _tree(lab, folder.containers, Path(record.host_image))
        _mount(lab, place, host)
        wires.connect(lab, place.network, host)
        trunk.join(folder, record)
        own, passing, _ = _groups(folder, host)
        own.make()
        passing.make()
        credentials = {
            "ssh.authorized_keys.root": folder.key.with_suffix(".pub"),
            "lab.ssh_host_key": folder.lab / host.private_host_key,
        }
        boot = own.entering(*_nspawn(lab, place, credentials))
        superuser.start(boot, folder.lab, folder.lab / host.serial_log, place.pidfile)
        proxy = passing.entering(*_proxy(lab, wires.address(host)))
        log = place.own / "forward.log"
        superuser.start(proxy, folder.lab, log, log.with_suffix(".pid"), listener.fileno())
    finally:
        listener.close()


def stop(folder: Folder, host: LabHost, say: Say) -> None:
    """Cuts the host's power; its layer stays."""
    place = Place(folder.containers, host.name)
    if pid(folder, host):
        say(f"host {host.name}: stopping")
    for group in _groups(folder, host):
        group.remove()
    place.pidfile.unlink(missing_ok=True)


def pid(folder: Folder, host: LabHost) -> int:
    """The container's first process as this machine counts, near enough; 0 when it does not run."""
    running = process.read(Place(folder.containers, host.name).pidfile)
    if running:
        process.reap(running)
    return running.pid if running and running.alive() else 0


def link(folder: Folder, host: LabHost, state: Link) -> None:
    """Makes the wire of the host's trunk so: slow by a process in the world, which ends with the
    host."""
    lab = world.read(folder.containers)
    if lab is None:
        raise LabError(Problem("lab", "does not run", hint="run: guesthouse lab up"))
    *_, slowing = _groups(folder, host)
    slowing.remove()
    relay.end(folder.lab, host.name)
    if state.slow:
        slowing.make()
        argv = lab.inside(*relay.command(relay.taps(*wires.taps(host)), state))
        relay.start(slowing.entering(*argv), folder.lab, host.name, superuser.start)
    wires.link(lab, host, state)


def clear(folder: Folder) -> None:
    """Ends the world with all that is in it, and removes its files."""
    if not folder.containers.exists():
        return
    cgroup.of_lab(folder.lab).remove()
    run(*as_root("rm", "-rf", "--", folder.containers))


def _groups(folder: Folder, host: LabHost) -> tuple[Group, Group, Group]:
    """The group of the host, that of what passes its ssh on, and that of what slows its trunk."""
    whole = cgroup.of_lab(folder.lab)
    first, second, third = (f"{kind}/{host.name}" for kind in ("hosts", "forward", "slow"))
    return whole.child(first), whole.child(second), whole.child(third)


def _listen(host: LabHost) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, host.ssh_port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        what = f"port {host.ssh_port} on {LOOPBACK} cannot be had: {error.strerror}"
        hint = "end the program that has it, or `guesthouse lab down` for a lab with new ports"
        raise LabError(Problem(f"host {host.name}", what, hint=hint)) from None
    return listener


def _world(folder: Folder, group: Group) -> World:
    """The lab's world, made if there is none, with the management network."""
    found = world.read(folder.containers)
    if found:
        return found
    group.child("world").make()
    made = world.start(folder.containers, group.child("world"))
    wires.management(made)
    return made


def _tree(lab: World, folder: Path, image: Path) -> None:
    """The root file system that all containers of the lab share, and none can change."""
    if (folder / "tree").exists():
        return
    archive = image / "root.tar.zst"
    if not archive.exists():
        hint = f"run {NEW_LAB}"
        raise LabError(Problem("containers", f"their image {archive} is gone", hint=hint))
    # Devices are nspawn's own.
    unpack = 'rm -rf new; mkdir new; tar -C new --exclude="./dev/*" -xpf "$1"; mv new tree'
    lab.run("sh", "-euc", f"cd {shlex.quote(str(folder))}; {unpack}", "sh", archive)


def _mount(lab: World, place: Place, host: LabHost) -> None:
    """The host's root: its layer over the tree. The first time it gets the host's own files."""
    # Paths of the lab may hold commas and colons, which overlay's options may not.
    script = """
    cd "$1"
    mkdir -p work root; o=lowerdir=../../tree,upperdir=layer,workdir=work
    [ -d layer ] || { mkdir -p new; tar -C new -x; mv new layer; }
    mountpoint -q root || mount -t overlay lab -o "$o" root
    """
    own = {
        path: text.format(name=host.name, address=wires.address(host))
        for path, text in FILES.items()
    }
    files = archive({path: text.encode() for path, text in own.items()})
    lab.run("sh", "-euc", script, "sh", place.own, stdin=files.decode())


def _nspawn(lab: World, place: Place, credentials: dict[str, Path]) -> list[str]:
    variables = ["env", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1", "SYSTEMD_NSPAWN_API_VFS_WRITABLE=1"]
    nspawn = [
        *("systemd-nspawn", "--quiet", "--boot", "--directory", str(place.root)),
        *("--machine", place.name, "--register=no", "--keep-unit", "--console=pipe"),
        # Root of this user namespace is no one outside; the host is root in its own networks.
        *("--capability=all", f"--system-call-filter={SYSTEM_CALLS}", f"--bind={TUN}"),
        *_credentials(credentials.items()),
    ]
    return lab.inside(*variables, *nspawn, net=place.network)


def _credentials(items: Iterable[tuple[str, Path]]) -> list[str]:
    return [f"--load-credential={name}:{path}" for name, path in items]


def _proxy(lab: World, target: str) -> list[str]:
    """The command that passes each connection to its standard input, a listening socket, on to
    port 22 there."""
    program = next((path for path in PROXY if Path(path).exists()), None)
    if program is None:
        raise missing(PROXY[0])
    # sd_listen_fds(3): the socket is descriptor 3.
    script = 'exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
    return lab.inside("bash", "-euc", script, "bash", program, f"{target}:22")
