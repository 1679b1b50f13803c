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

from guesthouse import told
from guesthouse.facts import virsh
from guesthouse.facts.together import NotAnswered, read_or_not
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import running_xml
from guesthouse.provider.guest_state import Sight

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

# An agent's answer: more than any guest needs, and printable letters, as all of it is ASCII.
_AGENT_BYTES = 64 * 1024
_MARK = "echo ==$run"
_GUEST = (
    f"{_MARK} &/info==;dominfo -- &; {_MARK} &/stored==;dumpxml --inactive -- &; "
    f"{_MARK} &/running==;dumpxml -- &; {_MARK} &/lease==;domifaddr --full --source lease -- &; "
    f"{_MARK} &/arp==;domifaddr --full --source arp -- &"
)

# Commands of many guests go through one virsh; agents are asked side by side, as one may hang, and
# each into a file of its own: what several write into one pipe runs into each other.
_SCRIPT = f"""
export LC_ALL=C
{virsh.ENCODE}
ask() {{ virsh -q -c {virsh.SYSTEM} "$@"; }}
each() {{
  xargs -r -d '\\n' -n 100 sh -c 'IFS=";"; virsh -q -c {virsh.SYSTEM} "$*"' sh 2>/dev/null
}}
known() {{ grep -E '^[A-Za-z0-9_][A-Za-z0-9._-]*$'; }}
{{
  ask "{_MARK} node==;nodeinfo"
  ask list --all --uuid | known | sed "s|.*|{_GUEST}|" | each
  ask pool-list --name | sed 's/ *$//' | known | while read -r pool; do
    ask vol-list -- "$pool" | awk '{{print $1}}' | known |
      sed "s|.*|{_MARK} volume:$pool/&==;vol-info --bytes -- & $pool|" | each
  done
}} | virsh_encoded
told=$(mktemp -d) && trap 'rm -rf -- "$told"' EXIT || exit 1
ask list --uuid | known | xargs -r -n 1 -P 16 sh -c '
  timeout 5 virsh -q -c {virsh.SYSTEM} domifaddr --full --source agent -- "$2" 2>/dev/null |
    head -c {_AGENT_BYTES} | tr -cd "\\n -~" >"$1/$2"' sh "$told"
for file in "$told"/*; do
  [ -e "$file" ] || continue
  echo "= ${{file##*/}}/agent"
  sed 's/^/|/' "$file"
  # Its last line need not have an end.
  echo
done
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
        None if off else running_xml.without_idle_pins(live, int(node["CPU(s)"])),
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
                name = names[words[1].lower()]
                local, _, prefix_length = words[3].partition("/")
                address = told.address(local) if told.interface(local, prefix_length) else None
                if address and told.is_public(address) and address not in found.get(name, []):
                    found.setdefault(name, []).append(address)
        if source == "agent" and found:
            break
    return found


def _volumes(answers: Mapping[str, str], declared: Mapping[str, Any]) -> dict[str, Any]:
    """The state's ``disks`` and ``seed``; nothing unless all of them are there."""

    def size_bytes(volume: Mapping[str, Any]) -> int:
        volume_info = answers.get(f"volume:{volume['pool']}/{volume['volume']}", "")
        found = _CAPACITY.search(volume_info)
        return int(found.group(1)) if found else 0

    disks = [{**disk, "size_bytes": size_bytes(disk)} for disk in declared["disks"]]
    seed = declared["seed"]
    if not all(disk["size_bytes"] for disk in disks) or (seed and not size_bytes(seed)):
        return {}
    return {"disks": disks, "seed": seed}
