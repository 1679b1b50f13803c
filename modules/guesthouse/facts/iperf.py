"""How fast one guest sends to another: iperf3's commands, and what it tells.

Follows iperf3(1), its JSON output, and sysfs's counters of interfaces.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from guesthouse import told
from guesthouse.errors import MachineError, Problem
from guesthouse.facts import document
from guesthouse.facts.question import Question
from guesthouse.facts.virsh import SYSTEM

# Ports that are nobody's by RFC 6335: 49152 and on.
FIRST_PORT, PORTS = 49152, 16384
# What a server says first: that it listens, or why it cannot.
SERVER_SAYS = r"Server listening|error|not found"
PORT_TAKEN = "Address already in use"
# Seconds beyond those measured: to connect, and to tell the result, on a slow guest.
_SPARE_S = 60
# QEMU's name for its PC; and the only SR-IOV card that it emulates and that is a real one too.
_QEMU_PC, _IGB = "Standard PC", "8086:10C9"


@dataclass(frozen=True)
class HostFact:
    """``running`` are the guests that run (not the paused ones); ``emulated``: the host is itself
    a machine of QEMU."""

    running: frozenset[str]
    emulated: bool


@dataclass(frozen=True)
class GuestFact:
    """``addresses`` are by MAC in lower case, without prefix length and link-local ones."""

    has_iperf3: bool
    addresses: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Round:
    """One run: Mbit/s (10^6) and bytes as they arrived; ``retransmits`` None where the sender's
    system does not tell; ``sent`` are bytes by MAC of the sender's interfaces meanwhile."""

    mbit_per_s: float
    received_bytes: int
    retransmits: int | None
    sent: Mapping[str, int]


def host() -> Question[HostFact]:
    """Which guests run, and what the host's figures are worth."""
    command = f"""
for f in sys_vendor product_name; do echo "$f $(cat /sys/class/dmi/id/$f 2>/dev/null)"; done
if grep -qs PCI_ID={_IGB} /sys/bus/pci/devices/*/uevent; then echo igb; fi
echo guests
LC_ALL=C virsh -q -c {SYSTEM} list --name --state-running
"""

    def parse(output: str) -> HostFact:
        about, _, names = output.partition("\nguests\n")
        lines = about.split("\n")
        igb = "igb" in lines and any(x.startswith(f"product_name {_QEMU_PC}") for x in lines)
        return HostFact(frozenset(names.split()), "sys_vendor QEMU" in lines or igb)

    return Question(command, parse)


def guest() -> Question[GuestFact]:
    """Whether iperf3 is there, and where the guest can be reached."""
    command = "if command -v iperf3 >/dev/null; then echo iperf3; fi; echo; ip -j address show"

    def parse(output: str) -> GuestFact:
        word, _, answer = output.partition("\n\n") if output[:1] != "\n" else ("", "", output)
        found: dict[str, tuple[str, ...]] = {}
        for link in document.links(answer):
            mac = str(link.get("address", "")).lower()
            items = [a for a in link.get("addr_info", []) if a.get("scope") == "global"]
            parsed = (told.address(a.get("local")) for a in items)
            # A VLAN or a bond on an interface has its MAC too.
            found[mac] = (*found.get(mac, ()), *(a for a in parsed if a))
        return GuestFact(word.strip() == "iperf3", found)

    return Question(command, parse)


def ends(own: Iterable[str], other: Iterable[str]) -> tuple[str, str] | None:
    """The first two addresses of one family, the own one first; IPv4 before IPv6."""
    pairs = [
        (ipaddress.ip_address(a).version, a, b)
        for a in own
        for b in other
        if ipaddress.ip_address(a).version == ipaddress.ip_address(b).version
    ]
    return next(((a, b) for _, a, b in sorted(pairs, key=lambda pair: pair[0])), None)


_LOOK = """
look() {
  for i in /sys/class/net/*; do
    if [ -e "$i/statistics" ]; then
      echo "$1 $(cat "$i/address") $(cat "$i/statistics/rx_bytes" "$i/statistics/tx_bytes" |
        tr '\\n' ' ')"
    fi
  done
}
"""


def server(address: str, port: int) -> str:
    """Shell text that serves one run and ends when its standard input does."""
    argv = shlex.join(["iperf3", "-s", "-1", "--forceflush", "-B", address, "-p", str(port)])
    return f"""{_LOOK}
look before
# Not by timeout(1): a signal as it starts ends it and leaves its command (coreutils 9.1).
{argv} & p=$!
trap 'kill $p 2>/dev/null' EXIT
trap 'exit 1' HUP INT TERM
read -r _
# Before a word more: when nobody listens any longer, that may be our end.
kill $p 2>/dev/null
look after
"""


def client(own: str, other: str, port: int, seconds: int) -> Question[Round]:
    """Send from one address to another for some seconds."""
    words = ["iperf3", "-J", "-c", other, "-p", str(port), "-t", str(seconds), "-B", own]
    argv = shlex.join([*words, "--connect-timeout", "20000"])
    # Its exit code says less than its JSON, and 0 for some errors.
    command = f"{_LOOK}\nlook before\ntimeout {seconds + _SPARE_S} {argv} || true\nlook after\n"
    return Question(command, _parse)


def _parse(output: str) -> Round:
    start, end = output.find("{"), output.rfind("}")
    try:
        result: dict[str, Any] = document.json_value(output[start : end + 1])
    except ValueError:
        what = "gave no result"
        raise MachineError(Problem("iperf3", what, got=output.strip()[-200:])) from None
    if result.get("error"):
        raise MachineError(Problem("iperf3", str(result["error"])))
    received, sent = result["end"]["sum_received"], result["end"]["sum_sent"]
    retransmits = sent.get("retransmits")
    return Round(
        mbit_per_s=round(received["bits_per_second"] / 1e6, 3),
        received_bytes=int(received["bytes"]),
        retransmits=None if retransmits is None else int(retransmits),
        sent=carried(output, "sent"),
    )


def carried(output: str, way: str) -> dict[str, int]:
    """Bytes by MAC that interfaces ``received`` or ``sent`` between the two looks."""
    index = ("received", "sent").index(way)
    seen: dict[str, dict[str, list[int]]] = {"before": {}, "after": {}}
    # Of interfaces with one MAC (a VLAN and what it is on) each is counted by itself.
    for when, mac, *counts in re.findall(
        r"(?m)^(before|after) (\S+) ([0-9]{1,20}) ([0-9]{1,20})\b", output
    ):
        seen[when].setdefault(mac.lower(), []).append(int(counts[index]))
    return {
        mac: max(new - old for old, new in zip(seen["before"][mac], counts, strict=False))
        for mac, counts in seen["after"].items()
        if mac in seen["before"]
    }


def strays(carried_: Mapping[str, int], mac: str, received_bytes: int) -> bool:
    """Whether another interface carried the bytes, and not the one with this MAC. Its own counter
    may lag by seconds (iavf), so that alone is no evidence; a bridge on it counts too."""
    others = [count for other, count in carried_.items() if other != mac]
    most = max(others, default=0)
    return most > received_bytes // 2 > carried_.get(mac, 0)
