"""How busy a host and its guests are: two samples in one round trip, and rates between them.

Follows proc_stat(5), proc_diskstats(5) and virsh(1) domstats. Sums over all disks and NICs; what a
guest's virtual function carries is seen by the card only, and is in `guesthouse.facts.functions`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from guesthouse.facts import functions
from guesthouse.facts.functions import PfStatus
from guesthouse.facts.health import heard
from guesthouse.facts.question import Question
from guesthouse.facts.together import NotAnswered, read_or_not
from guesthouse.facts.virsh import SYSTEM, number


@dataclass(frozen=True)
class HostStatus:
    """A host: CPU as a share of all its processors, memory in MiB, rates in bytes per second."""

    cpu_percent: float
    memory_used_mib: int
    memory_total_mib: int
    disk_read_bytes_per_s: float
    disk_write_bytes_per_s: float
    nic_receive_bytes_per_s: float
    nic_transmit_bytes_per_s: float


@dataclass(frozen=True)
class GuestStatus:
    """A guest: 100 % CPU is one vCPU at work; receive and transmit as the guest sees them.
    ``health`` and ``reason`` are those of `guesthouse.facts.health`."""

    state: str
    vcpus: int
    cpu_percent: float
    memory_used_mib: int
    memory_total_mib: int
    disk_read_bytes_per_s: float
    disk_write_bytes_per_s: float
    nic_receive_bytes_per_s: float
    nic_transmit_bytes_per_s: float
    health: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Status:
    """A host, all the guests that its libvirt knows, by name, and its cards that have virtual
    functions, by interface."""

    host: HostStatus
    guests: Mapping[str, GuestStatus]
    physical_functions: Mapping[str, PfStatus]


# https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainState
STATES = (
    *("no state", "running", "blocked", "paused"),
    *("in shutdown", "shut off", "crashed", "suspended"),
)
OFF = ("shut off", "crashed")

# --nowait: a guest whose QEMU is busy gives what is known, instead of holding up the others.
SAMPLE = f"""{functions.SHELL}
sample() {{
  echo "== $1 time $(cat /proc/uptime)"
  grep '^cpu ' /proc/stat
  grep '^Mem' /proc/meminfo
  sed 's/^/disk /' /proc/diskstats
  for d in /sys/class/net/*/device; do
    n=${{d%/device}}; s=$n/statistics
    if [ -e "$s" ]; then echo "nic ${{n##*/}} $(cat $s/rx_bytes) $(cat $s/tx_bytes)"; fi
  done
  echo "== $1 functions $(cat /proc/uptime)"
  functions
  if [ "$1" = b ]; then echo "== b holders $(cat /proc/uptime)"; holders; fi
  echo "== $1 guests $(cat /proc/uptime)"
  LC_ALL=C virsh -q -c {SYSTEM} domstats --raw --nowait --state --cpu-total --vcpu --balloon \\
    --block --interface
}}
# Its arguments are a command that bounds how long all of them may take.
agents() {{
  echo "== a agents $(cat /proc/uptime)"
  echo "clock $(date +%s)"
  virsh -q -c {SYSTEM} list --name | sed '/^$/d' | "$@" xargs -r -d '\\n' -n 1 -P 16 sh -c '
    if told=$(LC_ALL=C virsh -q -c {SYSTEM} qemu-agent-command --timeout 3 -- "$1" \\
        "{{\\"execute\\":\\"guest-ping\\"}}" 2>&1); then word=answers
    else case $told in *"not connected"*|*"not configured"*) word=none ;; *) word=silent ;; esac
    fi; echo "agent $word $1"' sh
}}
"""


def status(seconds: float = 2.0) -> Question[Status]:
    """The state of a host and its guests; the answer takes ``seconds`` longer than a sample."""
    return Question(
        f"{SAMPLE}\nsample a && {{ agents & sleep {seconds}; wait; sample b; }}", _parse
    )


def _parse(output: str) -> Status:
    texts, times = parts(output)

    def rate_over(kind: str) -> Callable[[float, float], float]:
        seconds = max(times.get(("b", kind), 0.0) - times.get(("a", kind), 0.0), 0.01)
        return lambda first, second: round(max(second - first, 0.0) / seconds, 1)

    before, after = domains(texts["a", "guests"]), domains(texts["b", "guests"])
    healthy = heard(texts.get(("a", "agents"), ""))
    rate = rate_over("guests")
    return Status(
        host=_host(texts["a", "time"], texts["b", "time"], rate_over("time")),
        # A guest that appeared between the samples has no rates yet.
        guests={
            n: _guest(before.get(n, values), values, rate, partial(healthy, n, values))
            for n, values in after.items()
        },
        physical_functions=functions.functions(
            texts.get(("a", "functions"), ""),
            texts.get(("b", "functions"), ""),
            texts.get(("b", "holders"), ""),
            rate_over("functions"),
        ),
    )


def parts(output: str) -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], float]]:
    """(sample, kind) -> its text, and the host's uptime then, in seconds."""
    texts, times = {}, {}
    for part in f"\n{output}".split("\n== ")[1:]:
        head, _, text = part.partition("\n")
        sample, kind, uptime, _ = head.split()
        texts[sample, kind], times[sample, kind] = text, float(uptime)
    return texts, times


Rate = Callable[[float, float], float]


def _host(first: str, second: str, rate: Rate) -> HostStatus:
    idle = [_cpu(text)[0] for text in (first, second)]
    total = [_cpu(text)[1] for text in (first, second)]
    memory = {k: int(v) // 1024 for k, v in re.findall(r"(?m)^(Mem\w+): +(\d+) kB", second)}
    disks, nics = [_disks(t) for t in (first, second)], [_nics(t) for t in (first, second)]
    share = 1 - (idle[1] - idle[0]) / max(total[1] - total[0], 1)
    return HostStatus(
        cpu_percent=round(100 * min(max(share, 0.0), 1.0), 1),
        memory_used_mib=memory["MemTotal"] - memory["MemAvailable"],
        memory_total_mib=memory["MemTotal"],
        disk_read_bytes_per_s=rate(disks[0][0], disks[1][0]),
        disk_write_bytes_per_s=rate(disks[0][1], disks[1][1]),
        nic_receive_bytes_per_s=rate(nics[0][0], nics[1][0]),
        nic_transmit_bytes_per_s=rate(nics[0][1], nics[1][1]),
    )


def _cpu(text: str) -> tuple[int, int]:
    """Idle and all ticks: user nice system idle iowait irq softirq steal (guest is in user)."""
    ticks = [int(word) for word in re.findall(r"(?m)^cpu +(.*)$", text)[0].split()[:8]]
    return ticks[3] + ticks[4], sum(ticks)


def _disks(text: str) -> tuple[int, int]:
    """Bytes read and written by whole disks: no partitions, and nothing that lies on a disk."""
    rows = [line.split() for line in re.findall(r"(?m)^disk (.*)$", text)]
    names = {row[2] for row in rows}
    whole = [
        row
        for row in rows
        if not re.match(r"(loop|ram|zram|sr|fd|dm-|md)", row[2])
        and re.sub(r"p?\d+$", "", row[2]) not in names - {row[2]}
    ]
    return sum(int(r[5]) * 512 for r in whole), sum(int(r[9]) * 512 for r in whole)


def _nics(text: str) -> tuple[int, int]:
    """Bytes received and sent by devices (bridges and taps carry the same bytes again)."""
    rows = re.findall(r"(?m)^nic \S+ (\d+) (\d+)$", text)
    return sum(int(r[0]) for r in rows), sum(int(r[1]) for r in rows)


def domains(text: str) -> dict[str, dict[str, str]]:
    """The answer of ``virsh domstats --raw``: guest -> key -> value."""
    found: dict[str, dict[str, str]] = {}
    for part in re.split(r"(?m)^Domain: ", text)[1:]:
        name, *lines = part.splitlines()
        found[name.strip("'")] = dict(x.strip().split("=", 1) for x in lines if "=" in x)
    return found


def _guest(
    first: Mapping[str, str],
    second: Mapping[str, str],
    rate: Rate,
    healthy: Callable[[], tuple[str, str]],
) -> GuestStatus:
    """One guest; of one whose numbers cannot be read only that."""
    found = read_or_not(lambda: _numbers(first, second, rate, healthy()))
    if isinstance(found, NotAnswered):
        return GuestStatus(STATES[0], 0, 0.0, 0, 0, 0.0, 0.0, 0.0, 0.0, "unknown", found.reason)
    return found


def _numbers(
    first: Mapping[str, str], second: Mapping[str, str], rate: Rate, healthy: tuple[str, str]
) -> GuestStatus:
    def total(values: Mapping[str, str], pattern: str) -> int:
        return sum(number(v) for k, v in values.items() if re.fullmatch(pattern, k))

    state = STATES[number(second.get("state.state", "0"))]

    def of(pattern: str) -> float:
        # libvirt counts on for a guest that is off: its last process's CPU time still changes.
        return 0.0 if state in OFF else rate(total(first, pattern), total(second, pattern))

    def mib(key: str) -> int:
        return number(second.get(f"balloon.{key}", "0")) // 1024

    # What a guest's balloon driver tells is best; else what QEMU holds of the host's memory.
    used = mib("available") - mib("usable") if mib("usable") else min(mib("rss"), mib("current"))
    return GuestStatus(
        state=state,
        vcpus=number(second.get("vcpu.current", "0")),
        cpu_percent=round(of(r"cpu\.time") / 1e7, 1),
        memory_used_mib=0 if state in OFF else used,
        memory_total_mib=mib("current"),
        disk_read_bytes_per_s=of(r"block\.\d+\.rd\.bytes"),
        disk_write_bytes_per_s=of(r"block\.\d+\.wr\.bytes"),
        nic_receive_bytes_per_s=of(r"net\.\d+\.rx\.bytes"),
        nic_transmit_bytes_per_s=of(r"net\.\d+\.tx\.bytes"),
        health=healthy[0],
        reason=healthy[1],
    )
