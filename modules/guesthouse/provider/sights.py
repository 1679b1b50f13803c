"""All guests of a host seen in one round trip, since a refresh asks guest by guest.

The engine reads resource by resource; with a call for each guest, a host of 200 guests takes
minutes on a slow line. So the first read looks at everything on the host, and the reads of the
next moments are answered from that, unless this process changes something there.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from guesthouse.facts import virsh
from guesthouse.facts.together import NotAnswered, read_or_not
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import domain
from guesthouse.provider.guest_state import Sight
from guesthouse.provider.waiting import is_public

# A refresh is never of one moment; this is how far apart what it says may be.
FRESH_S = 5.0
# virsh's words (https://libvirt.org/manpages/virsh.html#list) for power states.
_POWER = {
    "running": "running",
    "idle": "running",
    "in shutdown": "running",
    "paused": "paused",
    "crashed": "crashed",
    "pmsuspended": "suspended",
}
_CAPACITY = re.compile(r"(?m)^Capacity: +(\d+)")

# Commands of many guests go through one virsh; agents are asked side by side, as one may hang.
_SCRIPT = f"""
export LC_ALL=C
ask() {{ virsh -q -c {virsh.SYSTEM} "$@"; }}
each() {{
  xargs -r -d '\\n' -n 100 sh -c 'IFS=";"; virsh -q -c {virsh.SYSTEM} "$*"' sh 2>/dev/null
}}
ask 'echo ==virsh node==;nodeinfo'
ask list --all --uuid | sed '/^$/d; s|.*|echo ==virsh &/info==;dominfo &;\\
echo ==virsh &/stored==;dumpxml --inactive &;\\
echo ==virsh &/running==;dumpxml &;\\
echo ==virsh &/lease==;domifaddr --full --source lease &;\\
echo ==virsh &/arp==;domifaddr --full --source arp &|' | paste -s -d '    \\n' - | each
ask pool-list --name | sed 's/ *$//; /^$/d' | while read -r pool; do
  ask vol-list "$pool" | awk '{{print $1}}' | grep -E '^[A-Za-z0-9._-]+$' |
    sed "s|.*|echo ==virsh volume:$pool/&==;vol-info --bytes & $pool|" | each
done
ask list --uuid | sed '/^$/d' | xargs -r -n 1 -P 16 sh -c '
  told=$(timeout 5 virsh -q -c {virsh.SYSTEM} domifaddr --full --source agent "$1" 2>/dev/null)
  printf "==virsh %s/agent==%s\\n" "$1" "$told"' sh
"""


@dataclass(frozen=True)
class _Look:
    """What virsh told: mark -> text."""

    answers: Mapping[str, str]
    generation: int
    taken: float


class Sights:
    """The last look at each host."""

    def __init__(self) -> None:
        self._looks: WeakKeyDictionary[HostConnection, _Look] = WeakKeyDictionary()
        self._locks: WeakKeyDictionary[HostConnection, threading.Lock] = WeakKeyDictionary()
        self._guard = threading.Lock()

    def of(self, host: HostConnection, uuid: str, state: Mapping[str, Any]) -> Sight | None:
        """The guest as it is on the host; None where the look has not all of it."""
        with self._guard:
            lock = self._locks.setdefault(host, threading.Lock())
        with lock:
            look = self._looks.get(host)
            old = look is None or time.monotonic() - look.taken > FRESH_S
            if look is None or old or look.generation != host.generation:
                generation = host.generation
                text = host.root("sh -s", input=_SCRIPT.encode())
                look = _Look(virsh.cut(text), generation, time.monotonic())
                self._looks[host] = look
        # What cannot be read of one guest is not there: it is looked at by itself then.
        found = read_or_not(lambda: sight(look.answers, uuid, state))
        return None if isinstance(found, NotAnswered) else found


def sight(answers: Mapping[str, str], uuid: str, state: Mapping[str, Any]) -> Sight | None:
    """One guest out of virsh's answers; None unless all of it, volumes too, is there.

    A libvirt that went away in the midst, or a guest that did, leaves answers empty: that is not
    yet a guest that is gone.
    """
    info = virsh.table(answers.get(f"{uuid}/info", ""))
    node = virsh.table(answers.get("node", ""))
    power = _POWER.get(info.get("State", ""), "stopped")
    stored, live = (answers.get(f"{uuid}/{kind}", "") for kind in ("stored", "running"))
    volumes = _volumes(answers, state["declared"])
    if not (info and node and stored and live and volumes):
        return None
    off = power == "stopped"
    return Sight(
        power,
        stored,
        None if off else domain.without_idle_pins(live, int(node["CPU(s)"])),
        info["Autostart"] == "enable",
        {} if off else _addresses(answers, uuid, state),
        volumes,
    )


def _addresses(
    answers: Mapping[str, str], uuid: str, state: Mapping[str, Any]
) -> dict[str, list[str]]:
    """By NIC name: what the agent says, else leases and the ARP table."""
    names = {nic["mac"].lower(): nic["name"] for nic in state["nics"]}
    found: dict[str, list[str]] = {}
    for source in ("agent", "lease", "arp"):
        for line in answers.get(f"{uuid}/{source}", "").splitlines():
            words = line.split()
            if len(words) == 4 and words[1].lower() in names:
                address, name = words[3].split("/")[0], names[words[1].lower()]
                if is_public(address) and address not in found.setdefault(name, []):
                    found[name].append(address)
        if source == "agent" and found:
            break
    return found


def _volumes(answers: Mapping[str, str], declared: Mapping[str, Any]) -> dict[str, Any]:
    """The state's ``disks`` and ``seed``; nothing unless all of them are there."""

    def size_bytes(volume: Mapping[str, Any]) -> int:
        told = answers.get(f"volume:{volume['pool']}/{volume['volume']}", "")
        found = _CAPACITY.search(told)
        return int(found.group(1)) if found else 0

    disks = [{**disk, "size_bytes": size_bytes(disk)} for disk in declared["disks"]]
    seed = declared["seed"]
    if not all(disk["size_bytes"] for disk in disks) or (seed and not size_bytes(seed)):
        return {}
    return {"disks": disks, "seed": seed}
