"""The table of effects: what a change of each element and attribute of a domain costs.

A row holds for a running guest; what is written for the next start only costs nothing. The rows
follow libvirt's QEMU driver (https://libvirt.org/formatdomain.html and the calls that change a
running domain). What is in no row needs a restart: no guest can be surprised by that.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from guesthouse.effects.change import Effect
from guesthouse.model import DOMAIN_TYPES


@dataclass(frozen=True)
class Row:
    """``pattern`` is a path (``vcpu@current``, ``disk/iotune/*``, ``+interface``), ``what`` its
    name for people; rows with the same name in one unit are one change. Empty: the path itself.
    ``names`` are the user's words for single values."""

    pattern: str
    effect: Effect
    what: str = ""
    per: int = 0
    unit: str = ""
    names: tuple[tuple[str, str], ...] = ()

    def words(self, value: str) -> str:
        """A value of the document in the user's word or unit, of which one is ``per``."""
        value = dict(self.names).get(value, value)
        if not self.per or not value.lstrip("-").isdigit():
            return value
        whole, rest = divmod(int(value), self.per)
        return f"{int(value) / self.per:.2f} {self.unit}" if rest else f"{whole} {self.unit}"


_NONE, _LIVE, _RESTART = Effect.NONE, Effect.LIVE_PERSIST, Effect.RESTART
_ACCELERATIONS = tuple((kind, name) for name, kind in DOMAIN_TYPES.items())

TABLE = (
    # Identity: another name or UUID is another guest.
    Row("name", Effect.REPLACE),
    Row("uuid", Effect.REPLACE),
    # Words for people and tools: kept by libvirt, never seen by the guest.
    Row("title", _LIVE),
    Row("description", _LIVE),
    Row("metadata*", _NONE, "metadata"),
    # CPUs and memory: plugged and unplugged within the limits of the running guest.
    Row("vcpu@current", _LIVE, "vcpus"),
    Row("vcpu", _RESTART, "vcpus_max"),
    Row("vcpu@*", _RESTART),
    Row("memory", _LIVE, "memory", 1024, "MiB"),
    Row("currentMemory", _LIVE, "memory", 1024, "MiB"),
    Row("cpu/numa/cell@memory", _LIVE, "memory", 1024, "MiB"),
    Row("maxMemory", _RESTART, "memory_max", 1024, "MiB"),
    Row("maxMemory@*", _RESTART, "memory_max"),
    Row("cpu/numa/cell@cpus", _RESTART, "vcpus_max"),
    Row("cpu/numa/*", _RESTART, "memory_max"),
    Row("cpu@mode", _RESTART, "cpu"),
    Row("cpu", _RESTART),
    Row("cpu[@/]*", _RESTART),
    # Shares, quotas and pins: cgroups of the running process.
    Row("cputune/shares", _LIVE, "cpu shares"),
    Row("cputune/period", _LIVE, "cpu period"),
    Row("cputune/quota", _LIVE, "cpu quota"),
    Row("cputune/global_quota", _LIVE, "cpu limit", 1000, "%"),
    Row("cputune/global_period", _LIVE, "cpu limit", 1000, "%"),
    Row("cputune/emulator_period", _LIVE),
    Row("cputune/emulator_quota", _LIVE),
    Row("cputune/vcpupin*", _LIVE, "cpu pins"),
    Row("cputune/emulatorpin*", _LIVE, "emulator pins"),
    Row("cputune*", _RESTART),
    Row("memtune/hard_limit", _LIVE, "memory hard limit", 1024, "MiB"),
    Row("memtune/hard_limit@*", _LIVE, "memory hard limit"),
    Row("memtune/soft_limit", _LIVE, "memory soft limit", 1024, "MiB"),
    Row("memtune/soft_limit@*", _LIVE, "memory soft limit"),
    Row("memtune/swap_hard_limit", _LIVE, "memory and swap limit", 1024, "MiB"),
    Row("memtune/swap_hard_limit@*", _LIVE, "memory and swap limit"),
    Row("blkiotune/weight", _LIVE, "disk weight"),
    # What to do when the guest ends: libvirt's own memory.
    Row("on_poweroff", _LIVE),
    Row("on_reboot", _LIVE),
    Row("on_crash", _LIVE),
    # The machine itself.
    Row("@type", _RESTART, "acceleration", names=_ACCELERATIONS),
    Row("os/type@machine", _RESTART, "machine"),
    Row("os@firmware", _RESTART, "firmware"),
    Row("os*", _RESTART),
    Row("features*", _RESTART),
    Row("clock*", _RESTART),
    # Disks. Growing is not in the document; a volume that goes is not either.
    Row("+disk", _LIVE),
    Row("-disk", _LIVE),
    Row("disk/iotune/total_bytes_sec", _LIVE, "limit", 2**20, "MiB/s"),
    Row("disk/iotune/total_iops_sec", _LIVE, "operations limit", 1, "/s"),
    Row("disk/iotune/*", _LIVE),
    Row("disk/target@dev", _NONE, "device name"),
    Row("disk/boot@order", _NONE, "boot order"),
    Row("disk/driver@cache", _RESTART, "cache"),
    Row("disk/driver@io", _RESTART, "io"),
    Row("disk/driver@discard", _RESTART, "discard"),
    Row("disk/*", _RESTART),
    # NICs. Their model and queues are what the guest's driver was started with.
    Row("+interface", _LIVE),
    Row("-interface", _LIVE),
    Row("interface/source@*", _LIVE, "network"),
    Row("interface@type", _LIVE, "network"),
    Row("interface/link@state", _LIVE, "link"),
    Row("interface/bandwidth/inbound@average", _LIVE, "receive limit", 125, "Mbit/s"),
    Row("interface/bandwidth/outbound@average", _LIVE, "send limit", 125, "Mbit/s"),
    Row("interface/bandwidth/*", _LIVE),
    Row("interface/filterref@filter", _LIVE, "filter"),
    Row("interface/*", _RESTART),
    # Virtual functions: libvirt sets them up as it plugs them in, so they are plugged anew.
    Row("vf/source@network", Effect.LINK_LOSS, "network"),
    Row("vf/vlan*", Effect.LINK_LOSS, "VLAN"),
    Row("vf/*", Effect.LINK_LOSS),
    # Other devices.
    Row("+hostdev", _LIVE),
    Row("-hostdev", _LIVE),
    Row("+rng", _LIVE),
    Row("-rng", _LIVE),
    Row("?watchdog", _RESTART, "watchdog"),
    Row("watchdog@*", _RESTART, "watchdog"),
    Row("?panic", _RESTART, "panic device"),
    Row("memballoon/stats@period", _LIVE, "memory statistics period"),
    # Root ports are there for the next start: more or fewer of them change nothing now.
    Row("?controller", _NONE, "root ports"),
    Row("controller@*", _NONE, "root ports"),
    Row("controller/*", _NONE, "root ports"),
)
REST = Row("*", _RESTART)


def place(item: Row) -> int:
    """Where in the table: of rows that say the same thing, the first one says it."""
    return TABLE.index(item) if item in TABLE else len(TABLE)


@cache
def row(path: str) -> Row:
    """The first row whose pattern has ``path`` (without indices in brackets)."""
    return next((item for item in TABLE if fnmatchcase(path, item.pattern)), REST)
