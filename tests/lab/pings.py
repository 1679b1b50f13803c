"""Whether a guest loses its link or a packet while something changes.

The link is measured inside the guest: the kernel counts every loss and gain of carrier. The wire
is measured by pings that go on all the time.
"""

from __future__ import annotations

import re

from lab_project import LabProject

# Five times a second, until it is told to stop; its last words are the count.
PING = (
    "nohup ping -i 0.2 -W 5 {address} >/tmp/ping-{address}.log 2>&1 </dev/null & "
    "echo $! >/tmp/ping-{address}.pid; sleep 3"
)


def fastest_ms(said: str) -> float:
    """The fastest round trip of what `ping -q` said."""
    found = re.search(r"= ([0-9.]+)/", said)
    assert found, said
    return float(found[1])


def carrier_changes(lab: LabProject, guest: str) -> dict[str, int]:
    """How often each NIC of the guest lost or gained its link since it booted."""
    told = lab.guest(guest, "grep -H . /sys/class/net/*/carrier_changes").split()
    counts = dict(line.split(":") for line in told)
    return {path.split("/")[4]: int(count) for path, count in counts.items()}


def ping(lab: LabProject, guest: str, address: str) -> None:
    """Begin to ping this address."""
    lab.root_in(guest, PING.format(address=address))


def lost(lab: LabProject, guest: str, address: str) -> int:
    """End the pings of this address and say how many had no answer, of those before the last that
    had one; an answer to the very last may be on its way yet, for five seconds at most."""
    lab.root_in(guest, f"kill -INT $(cat /tmp/ping-{address}.pid)")
    log = lab.root_in(guest, f"sleep 1; cat /tmp/ping-{address}.log")
    answered = {int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", log)}
    sent = re.search(r"(\d+) packets transmitted", log)
    assert sent and len(answered) > 20
    assert int(sent[1]) - max(answered) < 25
    return max(answered) - len(answered)
