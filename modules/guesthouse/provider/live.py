"""Changes of a running guest, one by one, by libvirt's own calls; the caller stores them.

Follows https://libvirt.org/html/libvirt-libvirt-domain.html. Everything is read back: a call that
libvirt accepts and the guest does not carry out (it need not give memory or a device back) is an
error that says so.
"""

from __future__ import annotations

import copy
import string
import time
from collections.abc import Callable, Iterable

import libvirt

from guesthouse.effects import Change, Effect, room
from guesthouse.effects.room import DIMM_KIB
from guesthouse.effects.units import Element, Key, parse, serialise, units
from guesthouse.errors import MachineError, Problem
from guesthouse.machine import guest_agent
from guesthouse.provider import limits
from guesthouse.provider.running_xml import balloon_kib

LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE
# A guest lets go of a device when it gets to it; under emulation that takes a while.
UNPLUG_TIMEOUT_S = 120
# Most of what is awaited is there at once.
FIRST_POLL_S, POLL_S = 0.05, 1.0

_ACTIONS = {
    "destroy": libvirt.VIR_DOMAIN_LIFECYCLE_ACTION_DESTROY,
    "restart": libvirt.VIR_DOMAIN_LIFECYCLE_ACTION_RESTART,
    "rename-restart": libvirt.VIR_DOMAIN_LIFECYCLE_ACTION_RESTART_RENAME,
    "preserve": libvirt.VIR_DOMAIN_LIFECYCLE_ACTION_PRESERVE,
    "coredump-destroy": libvirt.VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_DESTROY,
    "coredump-restart": libvirt.VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_RESTART,
}
_EVENTS = {
    "on_poweroff": libvirt.VIR_DOMAIN_LIFECYCLE_POWEROFF,
    "on_reboot": libvirt.VIR_DOMAIN_LIFECYCLE_REBOOT,
    "on_crash": libvirt.VIR_DOMAIN_LIFECYCLE_CRASH,
}

# A lost link is one for a moment, and permitted.
_DONE_LIVE = (Effect.LIVE, Effect.LIVE_PERSIST, Effect.LINK_LOSS)


class LiveChange:
    """Brings one running domain to the document ``wanted``."""

    def __init__(self, domain: libvirt.virDomain, wanted: str) -> None:
        self._domain = domain
        self._name = domain.name()
        self._wanted = units(parse(wanted))

    def apply(self, changes: Iterable[Change]) -> None:
        """Do the live ones among ``changes``: what goes first, then what comes, then the rest."""
        live = [c for c in changes if c.effect in _DONE_LIVE]
        done: set[tuple[Key, str]] = set()
        for change in sorted(live, key=lambda c: (c.path[:1] != "-", c.path[:1] != "+")):
            work, about = self._work(change)
            if work is not None and about not in done:
                done.add(about)
                self._guarded(change, work)
        if any(change.path == "vcpu@current" for change in live):
            self._online()

    def _work(self, change: Change) -> tuple[Callable[[], object] | None, tuple[Key, str]]:
        """What to do, and what it settles (several changes may be settled by one call)."""
        kind, key = change.path.partition("/")[0].partition("@")[0], change.key
        what: Callable[[], object] | None = None
        if change.path[:1] in ("+", "-"):
            plug = self._attach if change.path[0] == "+" else self._detach
            return (lambda: plug(key)), (key, change.path)
        if change.what == "memory":
            return self._memory, ((), "memory")
        if kind == "vcpu":
            what = self._vcpus
        elif kind in ("title", "description"):
            what = lambda: self._words(kind)  # noqa: E731
        elif kind in _EVENTS:
            what = lambda: self._domain.setLifecycleAction(  # noqa: E731
                _EVENTS[kind], _ACTIONS[self._text(kind)], LIVE
            )
        elif kind == "cputune":
            what = lambda: limits.cpu(self._domain, self._wanted.get((kind,)), self._running())  # noqa: E731
        elif kind == "memtune":
            what = lambda: limits.memory(self._domain, self._wanted.get((kind,)), self._running())  # noqa: E731
        elif kind == "blkiotune":
            what = lambda: limits.disk_weight(self._domain, self._wanted.get((kind,)))  # noqa: E731
        elif kind == "memballoon":
            what = self._balloon_period
        elif kind == "disk":
            what = lambda: limits.disk(self._domain, self._wanted[key], units(self._running())[key])  # noqa: E731
        elif kind == "vf":
            what = lambda: self._plug_anew(key)  # noqa: E731
        elif kind == "interface":
            what = lambda: self._domain.updateDeviceFlags(self._xml(key), LIVE)  # noqa: E731
        return what, (key, kind)

    def _guarded(self, change: Change, work: Callable[[], object]) -> None:
        try:
            work()
        except libvirt.libvirtError as error:
            said = str(error.get_error_message())
            hint = "what was done before it stays; `up` goes on from there"
            problem = Problem(f"guest {self._name}", f"{change} failed", got=said, hint=hint)
            raise MachineError(problem) from error

    def _text(self, kind: str) -> str:
        return str(self._wanted[(kind,)].text)

    def _xml(self, key: Key) -> str:
        return serialise(copy.deepcopy(self._wanted[key]))

    def _running(self) -> Element:
        return parse(self._domain.XMLDesc(0))

    def _wait(self, what: str, done: Callable[[], bool]) -> None:
        deadline, pause_s = time.monotonic() + UNPLUG_TIMEOUT_S, FIRST_POLL_S
        while not done():
            if time.monotonic() > deadline:
                problem = f"the guest did not carry it out within {UNPLUG_TIMEOUT_S} s: {what}"
                hint = "its system must answer requests to unplug; `up` tries again"
                raise MachineError(Problem(f"guest {self._name}", problem, hint=hint))
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, POLL_S)

    # CPUs and memory

    def _vcpus(self) -> None:
        element = self._wanted[("vcpu",)]
        wanted = int(element.get("current") or element.text)

        def now() -> int:
            vcpu = self._running().find("vcpu")
            return int(vcpu.get("current") or vcpu.text)

        growing = wanted > now()
        try:
            self._domain.setVcpusFlags(wanted, LIVE)
        except libvirt.libvirtError:
            # libvirt gives the guest five seconds to let go; it may need longer.
            if growing:
                raise
        self._wait(f"{wanted} vCPUs", lambda: now() == wanted)

    def _online(self) -> None:
        """All vCPUs taken in by the guest's system; a new one shows up there after a moment.

        Without an agent the guest's own rules decide.
        """
        # It has just taken devices in, and may be slow to answer.
        if not guest_agent.is_there(self._domain):
            return
        vcpu = self._running().find("vcpu")
        count = int(vcpu.get("current") or vcpu.text)
        self._wait(f"{count} vCPUs online", lambda: guest_agent.online_vcpus(self._domain) >= count)

    def _memory(self) -> None:
        wanted = int(self._text("currentMemory"))
        room_now = room(self._domain.XMLDesc(0))
        missing = wanted - room_now.memory_kib
        if missing > 0:
            # Linux takes memory in by sections: the rest above ``wanted`` goes to the balloon.
            size = -(-missing // DIMM_KIB) * DIMM_KIB
            self._domain.attachDeviceFlags(_dimm(size), LIVE)
            guest_agent.online_memory(self._domain)
        self._domain.setMemoryFlags(wanted, LIVE)
        # What libvirt says may be a second old: true of the last change, not of this one.
        self._wait(
            f"{wanted // 1024} MiB of memory",
            lambda: (balloon_kib(self._domain) or self._current_kib()) == wanted,
        )

    def _current_kib(self) -> int:
        return int(self._running().findtext("currentMemory"))

    def _balloon_period(self) -> None:
        stats = self._wanted[("devices", "memballoon")].find("stats")
        self._domain.setMemoryStatsPeriod(0 if stats is None else int(stats.get("period")), LIVE)

    # Devices

    def _attach(self, key: Key) -> None:
        running = self._running()
        if key in units(running):
            return
        element = copy.deepcopy(self._wanted[key])
        target = element.find("target")
        if key[1] == "disk":
            taken = set(running.xpath("devices/disk/target/@dev"))
            if target.get("dev") in taken:
                free = (f"vd{letter}" for letter in string.ascii_lowercase)
                target.set("dev", next(dev for dev in free if dev not in taken))
        self._domain.attachDeviceFlags(serialise(element), LIVE)

    def _detach(self, key: Key) -> None:
        found = units(self._running()).get(key)
        if found is None:
            return
        self._domain.detachDeviceFlags(serialise(copy.deepcopy(found)), LIVE)
        self._wait(f"{key[1]} unplugged", lambda: key not in units(self._running()))

    def _plug_anew(self, key: Key) -> None:
        self._detach(key)
        self._attach(key)

    def _words(self, kind: str) -> None:
        what = {
            "title": libvirt.VIR_DOMAIN_METADATA_TITLE,
            "description": libvirt.VIR_DOMAIN_METADATA_DESCRIPTION,
        }[kind]
        element = self._wanted.get((kind,))
        text = None if element is None else element.text
        self._domain.setMetadata(what, text, None, None, LIVE)


def _dimm(size_kib: int) -> str:
    return (
        "<memory model='dimm'><target>"
        f"<size unit='KiB'>{size_kib}</size><node>0</node></target></memory>"
    )
