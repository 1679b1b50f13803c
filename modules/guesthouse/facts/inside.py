"""Facts that a guest tells about itself, all in one round trip.

Needs a POSIX shell and iproute2. When the login is not root and sudo works without a password,
the whole question is asked as root; else what only root may read stays unknown.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from guesthouse import told
from guesthouse.facts import accounts, document, host
from guesthouse.facts.accounts import UserFact
from guesthouse.facts.question import Question
from guesthouse.facts.together import NotAnswered, as_root, together


@dataclass(frozen=True)
class SystemFact:
    """Identity and size. ``disks``: size in bytes by serial; ``root_bytes``: of the file system.

    ``memory_mib`` is all that the firmware handed over; what the kernel keeps of it for itself
    (a large share in small guests that can grow) is counted, other than in MemTotal.
    """

    hostname: str
    machine_id: str
    host_keys: tuple[str, ...]
    firmware: str
    vcpus: int
    memory_mib: int
    disks: Mapping[str, int]
    root_bytes: int


@dataclass(frozen=True)
class NicFact:
    """A network interface: its name, and its addresses with prefix length, link-local left out.
    ``driver`` is its device's (``virtio_net``, ``igbvf``), empty without one."""

    name: str
    addresses: tuple[str, ...]
    driver: str = ""


@dataclass(frozen=True)
class RoutingFact:
    """Gateways of default routes by interface name, and the name servers that are asked."""

    gateways: Mapping[str, tuple[str, ...]]
    nameservers: tuple[str, ...]


@dataclass(frozen=True)
class CloudInitFact:
    """cloud-init's result.json: whether it is written, and the errors in it."""

    finished: bool
    errors: tuple[str, ...]


@dataclass(frozen=True)
class InsideFact:
    """What a guest says; a part that could not be answered does not disturb the others.

    ``nics`` are by MAC in lower case, ``users`` by name.
    """

    system: SystemFact | NotAnswered
    nics: Mapping[str, NicFact] | NotAnswered
    routing: RoutingFact | NotAnswered
    cloud_init: CloudInitFact | NotAnswered
    users: Mapping[str, UserFact] | NotAnswered
    packages: frozenset[str] | NotAnswered
    reached: frozenset[str] | NotAnswered = frozenset()


def inside(
    users: Iterable[str], packages: Iterable[str], peers: Iterable[tuple[str, str]] = ()
) -> Question[InsideFact]:
    """Everything about a guest from inside; ``users`` and ``packages`` are those of interest,
    ``peers`` are (interface, address) that it is to ping; ``reached`` are those that answer."""
    question = together(
        {
            "system": Question(_SYSTEM, _system),
            "nics": Question(_NICS, _nics),
            "routing": Question(_ROUTING, _routing),
            "cloud_init": cloud_init(),
            "users": accounts.users(users),
            "packages": host.packages(packages),
            "reached": pings(peers),
        }
    )
    return Question(as_root(question.command), lambda output: InsideFact(**question.parse(output)))


_SYSTEM = """
echo "hostname $(cat /proc/sys/kernel/hostname)"
echo "machine_id $(cat /etc/machine-id 2>/dev/null)"
for f in /etc/ssh/ssh_host_*_key.pub; do
  if [ -r "$f" ]; then echo "key $(cat "$f")"; fi
done
if [ -d /sys/firmware/efi ]; then echo "firmware uefi"; else echo "firmware bios"; fi
echo "vcpus $(getconf _NPROCESSORS_ONLN)"
echo "pages $(getconf PAGESIZE) $(sed -n 's/^ *present  *//p' /proc/zoneinfo | tr '\\n' ' ')"
for d in /sys/block/vd*; do
  if [ -e "$d/size" ]; then echo "disk $(cat "$d/size") $(cat "$d/serial" 2>/dev/null)"; fi
done
echo "root $(df -P -k / | tail -n 1)"
"""


def _system(output: str) -> SystemFact:
    pairs = [line.partition(" ")[::2] for line in output.splitlines() if " " in line]
    last = {key: value.strip() for key, value in pairs}
    keys = (value for key, value in pairs if key == "key")
    disks = (value.split() for key, value in pairs if key == "disk")
    return SystemFact(
        hostname=last["hostname"],
        machine_id=last["machine_id"],
        host_keys=tuple(sorted(told.host_keys(keys))),
        firmware=last["firmware"],
        vcpus=int(last["vcpus"]),
        memory_mib=_memory_mib(last["pages"]),
        # Linux counts block devices in sectors of 512 bytes, whatever the device's own size is.
        disks={words[1]: int(words[0]) * 512 for words in disks if len(words) == 2},
        root_bytes=int(last["root"].split()[1]) * 1024,
    )


def _memory_mib(pages: str) -> int:
    """The page size and each zone's pages: proc_zoneinfo(5)."""
    size, *present = (int(word) for word in pages.split())
    return round(size * sum(present) / 1024**2)


# Interfaces with their drivers, a blank line, their addresses.
_NICS = """
for n in /sys/class/net/*; do
  d=$(readlink "$n/device/driver") && echo "${n##*/} ${d##*/}"
done
echo
ip -j address show
"""


def _nics(output: str) -> dict[str, NicFact]:
    about, _, answer = output.rpartition("\n\n") if "\n\n" in output else ("", "", output)
    drivers = dict(line.split() for line in about.splitlines() if line)
    return {
        link["address"].lower(): NicFact(
            link["ifname"],
            tuple(
                found
                for a in link.get("addr_info", [])
                if a.get("scope") != "link"
                and (found := told.interface(a.get("local"), a.get("prefixlen")))
            ),
            drivers.get(link["ifname"], ""),
        )
        for link in document.links(answer)
        if link.get("link_type") == "ether"
    }


# With systemd-resolved, resolv.conf names only its own stub; the servers are in the other file.
_ROUTING = """
ip -4 route show default || exit 1
ip -6 route show default || exit 1
sed -n 's/^nameserver  */nameserver /p' /etc/resolv.conf /run/systemd/resolve/resolv.conf \\
  2>/dev/null || true
"""


def _routing(output: str) -> RoutingFact:
    gateways: dict[str, tuple[str, ...]] = {}
    servers = []
    for line in output.splitlines():
        words = line.split()
        if words[:1] == ["nameserver"]:
            servers.append(words[1])
        elif "via" in words and "dev" in words:
            nic = words[words.index("dev") + 1]
            gateways[nic] = (*gateways.get(nic, ()), words[words.index("via") + 1])
    return RoutingFact(gateways, tuple(dict.fromkeys(servers)))


def cloud_init() -> Question[CloudInitFact]:
    """Whether cloud-init's last stage has written its result, and what went wrong.

    The file in /run belongs to this boot; the one in /var may be older.
    """
    command = """
if [ -d /run/cloud-init ]; then f=/run/cloud-init/result.json
else f=/var/lib/cloud/data/result.json; fi
if [ -e "$f" ]; then cat "$f"; fi
"""

    def parse(output: str) -> CloudInitFact:
        if not output.strip():
            return CloudInitFact(False, ())
        result = document.json_value(output)["v1"]
        return CloudInitFact(True, tuple(str(error) for error in result.get("errors", [])))

    return Question(command, parse)


def pings(peers: Iterable[tuple[str, str]]) -> Question[frozenset[str]]:
    """Those addresses of (interface, address) pairs that answer to ping(8) out of it."""
    lines = [
        f"ping -q -c 3 -i 0.3 -W 3 -I {shlex.quote(nic)} -- {shlex.quote(address)} >/dev/null 2>&1"
        f" && echo {shlex.quote(address)}"
        for nic, address in peers
    ]
    # Whether this user may ping at all: one who may not has not heard that nobody answers.
    able = ["ping -q -c 1 -W 3 127.0.0.1 >/dev/null || exit 1"] if lines else []
    command = "\n".join([*able, *lines, "true"])
    return Question(command, lambda output: frozenset(output.split()))
