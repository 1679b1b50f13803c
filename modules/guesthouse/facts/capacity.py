"""What a host can carry: memory, processors, disks, and the software that guests need."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from guesthouse.facts.question import Question
from guesthouse.facts.sriov import CardFact


@dataclass(frozen=True)
class CapacityFact:
    """Sizes end in their unit. ``free_bytes`` is by asked path, for its nearest existing parent.

    ``has_kvm``: /dev/kvm is a character device that opens. ``libvirt_version`` is empty when
    libvirt does not answer on ``qemu:///system``; ``qemu`` is the emulator's path or empty.
    ``networkd`` and ``apparmor``: running, and enabled in the kernel. ``network_manager``: the
    other one, NetworkManager, is running. ``machines`` are those of the asked machine types that
    the emulator has, ``domain_types`` those of kvm and qemu that libvirt offers with it: none where
    libvirt does not answer. ``cards`` are asked for on their own.
    """

    memory_total_mib: int
    memory_available_mib: int
    vcpus: int
    arch: str
    has_kvm: bool
    has_libvirt: bool
    libvirt_version: str
    qemu: str
    networkd: bool
    apparmor: bool
    nics: frozenset[str]
    free_bytes: Mapping[str, int]
    network_manager: bool = False
    machines: frozenset[str] = frozenset()
    domain_types: frozenset[str] = frozenset()
    cards: tuple[CardFact, ...] = ()


@dataclass(frozen=True)
class SizeFact:
    """Memory that the kernel has to use, and processors that are online."""

    memory_total_mib: int
    vcpus: int


_SIZE = """
while read -r key value unit; do
  case "$key" in MemTotal:|MemAvailable:) echo "$key $value";; esac
done </proc/meminfo
echo "vcpus $(getconf _NPROCESSORS_ONLN)"
"""
_SOFTWARE = """
echo "arch $(uname -m)"
# <> opens for reading and writing as QEMU does; it would create a file, hence the -c before it.
if [ -c /dev/kvm ] && ( : <>/dev/kvm ) 2>/dev/null; then echo "kvm yes"; fi
if command -v virsh >/dev/null; then
  echo "virsh yes"
  echo "libvirt $(virsh -c qemu:///system version --daemon 2>/dev/null \\
    | sed -n 's/^Running against daemon: //p')"
  for t in kvm qemu; do
    if virsh -c qemu:///system domcapabilities --virttype "$t" --arch x86_64 --machine q35 \\
      >/dev/null 2>&1; then echo "domain_type $t"; fi
  done
fi
PATH=$PATH:/usr/libexec
emulator=$(command -v qemu-system-x86_64 || command -v qemu-kvm || command -v kvm)
echo "qemu $emulator"
echo "networkd $(systemctl is-active systemd-networkd.service 2>/dev/null)"
echo "network_manager $(systemctl is-active NetworkManager.service 2>/dev/null)"
echo "apparmor $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)"
"""


def size() -> Question[SizeFact]:
    """How large a host is: cheaper than all of its capacity."""

    def parse(output: str) -> SizeFact:
        found = dict(line.split(" ", 1) for line in output.splitlines())
        return SizeFact(int(found["MemTotal:"]) // 1024, int(found["vcpus"]))

    return Question(_SIZE, parse)


def capacity(
    paths: Iterable[str], nics: Iterable[str], machines: Iterable[str] = ()
) -> Question[CapacityFact]:
    """What preflight needs to know about a host, in one round trip."""
    wanted = tuple(paths)
    command = f"""
{_SIZE}
{_SOFTWARE}
for n in {shlex.join(nics)}; do
  if [ -e "/sys/class/net/$n" ]; then echo "nic $n"; fi
done
set -- {shlex.join(machines)}
if [ $# -gt 0 ] && [ -n "$emulator" ]; then
  known=$("$emulator" -machine help 2>/dev/null | cut -d ' ' -f 1)
  for m in "$@"; do
    if printf '%s\\n' "$known" | grep -qxF -- "$m"; then echo "machine $m"; fi
  done
fi
set -- {shlex.join(wanted)}
i=0
for p in "$@"; do
  while [ ! -e "$p" ]; do p=$(dirname -- "$p"); done
  echo "free $i $(df -P -k -- "$p" | tail -n 1)"
  i=$((i + 1))
done
"""

    def parse(output: str) -> CapacityFact:
        lines: dict[str, list[str]] = defaultdict(list)
        for line in output.splitlines():
            key, _, value = line.partition(" ")
            lines[key].append(value.strip())
        return _fact({key: values[-1] for key, values in lines.items()}, lines, wanted)

    return Question(command, parse)


def _fact(
    last: Mapping[str, str], lines: Mapping[str, list[str]], paths: tuple[str, ...]
) -> CapacityFact:
    # df -P: filesystem, blocks of 1 KiB, used, available, per cent, mount point.
    free = (line.split() for line in lines.get("free", []))
    return CapacityFact(
        memory_total_mib=int(last["MemTotal:"]) // 1024,
        memory_available_mib=int(last["MemAvailable:"]) // 1024,
        vcpus=int(last["vcpus"]),
        arch=last["arch"],
        has_kvm="kvm" in last,
        has_libvirt="virsh" in last,
        libvirt_version=last.get("libvirt", ""),
        qemu=last.get("qemu", ""),
        networkd=last.get("networkd") == "active",
        network_manager=last.get("network_manager") == "active",
        apparmor=last.get("apparmor") == "Y",
        nics=frozenset(lines.get("nic", [])),
        machines=frozenset(lines.get("machine", [])),
        domain_types=frozenset(lines.get("domain_type", [])),
        free_bytes={paths[int(words[0])]: int(words[4]) * 1024 for words in free},
    )
