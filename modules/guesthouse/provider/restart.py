"""A guest stopped as its system would do it, defined anew, started; back to the old if that fails.

Redefined without an undefine, so that UEFI variables and TPM state stay.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import libvirt

from guesthouse.errors import GuesthouseError, MachineError, Problem
from guesthouse.machine import guest_agent

POLL_S = 1.0


def shut_down(domain: libvirt.virDomain, timeout_s: float, say: Callable[[str], None]) -> None:
    """Ask the agent, then press the power button, again and again; raises MachineError when the
    guest does not end in time. It is never killed."""
    name, deadline, pressed = domain.name(), time.monotonic() + timeout_s, 0.0
    if not domain.isActive():
        return
    say(f"{name}: shutting down")
    with_agent = guest_agent.ping(domain)
    while domain.isActive():
        now = time.monotonic()
        if now > deadline:
            hint = "its system does not react; shut it down by hand, or raise shutdown_timeout_s"
            what = f"did not shut down within {timeout_s:g} s"
            raise MachineError(Problem(f"guest {name}", what, hint=hint))
        if now - pressed > timeout_s / 4:
            pressed = now
            _ask(domain, with_agent)
            with_agent = False
        time.sleep(POLL_S)


def _ask(domain: libvirt.virDomain, by_agent: bool) -> None:
    way = (
        libvirt.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT
        if by_agent
        else libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN
    )
    try:
        domain.shutdownFlags(way)
    except libvirt.libvirtError:
        # It may be gone by now, or not listen yet: the deadline decides.
        return


def with_way_back(
    domain: libvirt.virDomain,
    old_xml: str,
    start_new: Callable[[], None],
    start_old: Callable[[], None],
) -> None:
    """Run ``start_new`` (define, start, wait); if it fails, bring ``old_xml`` back and run it.

    ``old_xml`` is the persistent definition as libvirt had it. Raises MachineError that says both
    what failed and what the guest is now. Whatever the failure is, the way back is taken; an
    interrupt goes on after it.
    """
    try:
        start_new()
        return
    except Exception as error:
        said = _reason(error)
    except BaseException:
        _back(domain, old_xml, start_old, "it was interrupted")
        raise
    _back(domain, old_xml, start_old, said)
    hint = "it runs as before, with its old definition; mend the change and run `up` again"
    what = "did not start with its new definition, which was taken back"
    raise MachineError(Problem(f"guest {domain.name()}", what, got=said, hint=hint))


def _back(
    domain: libvirt.virDomain, old_xml: str, start_old: Callable[[], None], said: str
) -> None:
    name, handle = domain.name(), domain.connect()
    try:
        if domain.isActive():
            domain.destroy()
        handle.defineXML(old_xml)
        start_old()
    except Exception as error:
        hint = "look at it on its host; `up` tries again"
        what = f"neither started with its new definition nor came back with its old: {said}"
        raise MachineError(Problem(f"guest {name}", what, got=_reason(error), hint=hint)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, libvirt.libvirtError):
        return str(error.get_error_message())
    if isinstance(error, GuesthouseError) and error.problems:
        return error.problems[0].got or error.problems[0].what
    return f"{type(error).__name__}: {error}"[:300]
