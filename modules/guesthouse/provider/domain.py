"""A guest's domain on its host: found, marked, defined, read, removed."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import libvirt

from guesthouse.effects.units import Element, parse, serialise, units
from guesthouse.errors import MachineError, Problem, RefusedError
from guesthouse.machine.libvirt_handle import is_test
from guesthouse.provider.ownership import mark_text

NAMESPACE = "urn:guesthouse:1"
_MARK = f"{{{NAMESPACE}}}guest"
_UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    | libvirt.VIR_DOMAIN_UNDEFINE_TPM
)
# A version of a machine type, as libvirt writes it, and the alias that stands for its newest.
_VERSION = re.compile(r"^pc-(q35)-.*")

_one_reader = threading.Lock()


@dataclass(frozen=True)
class Mark:
    """The ownership mark of a domain: whose it is, and which incarnation."""

    owner: str
    name: str
    token: str


def find(handle: libvirt.virConnect, uuid: str) -> libvirt.virDomain | None:
    """The domain with this UUID, or None."""
    try:
        return handle.lookupByUUIDString(uuid)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise


def read_mark(document: str) -> Mark | None:
    """The mark in a domain's metadata, None when it carries none of ours."""
    root = parse(document)
    element = root.find(f"metadata/{_MARK}")
    if element is None:
        return None
    owner = mark_text({key: element.get(key, "") for key in ("site", "project", "stack")})
    return Mark(owner, element.get("name", ""), element.get("token", ""))


def token(document: str) -> str:
    """The incarnation that a domain's mark names; empty without a mark."""
    mark = read_mark(document)
    return mark.token if mark else ""


def ours(
    handle: libvirt.virConnect, host: str, inputs: Mapping[str, Any]
) -> libvirt.virDomain | None:
    """Our own domain of an earlier run, if there is one; raises RefusedError when the name or the
    UUID is taken by something that is not ours."""
    domain = find(handle, inputs["uuid"])
    if domain is None:
        try:
            domain = handle.lookupByName(inputs["name"])
        except libvirt.libvirtError:
            return None
    mark = read_mark(stored(domain))
    if mark != Mark(mark_text(inputs["mark"]), inputs["name"], mark.token if mark else ""):
        owner = f"it belongs to {mark.owner}" if mark else "it carries no mark of ours"
        raise RefusedError(
            Problem(
                f"guest {inputs['name']}",
                f"host '{host}' has a domain of that name already, and {owner}",
                hint=f"rename the guest, or remove that domain: virsh undefine {inputs['name']}",
            )
        )
    return domain


def define(
    handle: libvirt.virConnect,
    document: str,
    token: str,
    old: str = "",
    seen: Mapping[str, Any] | None = None,
) -> libvirt.virDomain:
    """Define the document with the token in its mark; libvirt checks it against its schema.

    ``old`` is the XML that the guest had until now: its devices stay in their PCI slots, so that
    a disk more does not rename the guest's NICs at the next start. ``seen`` is the guest as it was
    read: one whose document was of no machine version, and still is, keeps the version that it has,
    where libvirt would take today's newest.
    """
    root = parse(document)
    if old:
        _keep(root, parse(old), str(seen["domain_xml"]) if seen else "")
    root.find(f"metadata/{_MARK}").set("token", token)
    # The test driver checks in our own process, and libxml2's schema reader is not for threads.
    alone = _one_reader if is_test(handle) else nullcontext()
    try:
        with alone:
            return handle.defineXMLFlags(serialise(root), libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
    except libvirt.libvirtError as error:
        raise MachineError(
            Problem(
                f"guest {root.findtext('name')}",
                "libvirt refused its definition",
                got=str(error.get_error_message()),
            )
        ) from error


def _keep(root: Element, old: Element, seen: str) -> None:
    """The machine's version and its devices' addresses, on a machine of the same family."""
    machine, had = _machine(root), _machine(old)
    family = _VERSION.sub(r"\1", had)
    if _VERSION.sub(r"\1", machine) != family:
        return
    if had != family and seen and family == machine == _machine(parse(seen)):
        root.find("os/type").set("machine", had)
    there = units(old)
    for key, device in units(root).items():
        if key[0] == "devices" and key in there and device.find("address") is None:
            address = there[key].find("address")
            if address is not None and _bus(device) == _bus(there[key]):
                device.append(address)


def _machine(root: Element) -> str:
    return str(root.find("os/type").get("machine", ""))


def _bus(device: Element) -> str:
    target = device.find("target")
    return "" if target is None else str(target.get("bus", ""))


def check_token(name: str, seen: str, known: str) -> None:
    """Act only on the incarnation that the state knows; ``seen`` is the mark's, "" without one."""
    if seen != known:
        raise RefusedError(
            Problem(
                f"guest {name}",
                "was made anew by somebody else since the last run",
                hint="`pulumi refresh` shows it as it is now; nothing was touched",
            )
        )


def stored(domain: libvirt.virDomain) -> str:
    """The XML that the next start uses."""
    return str(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))


def start(domain: libvirt.virDomain, name: str, paused: bool = False) -> None:
    """Start the domain unless it runs; ``paused``: without letting it run yet."""
    # libvirt's test driver starts without flags; the caller pauses it then.
    paused = paused and not is_test(domain.connect())
    try:
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED if paused else 0)
    except libvirt.libvirtError as error:
        if domain.isActive():
            # Somebody was faster.
            return
        raise MachineError(
            Problem(f"guest {name}", "does not start", got=str(error.get_error_message()))
        ) from error


def remove(domain: libvirt.virDomain) -> None:
    """Stop hard (its disks go too) and undefine with all that belongs to it."""
    if domain.isActive():
        domain.destroy()
    flags = _UNDEFINE
    if is_test(domain.connect()):
        # libvirt's test driver knows only the flags that mean something without QEMU.
        flags = libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    domain.undefineFlags(flags)


def power(found: libvirt.virDomain) -> str:
    """``running``, ``paused``, ``crashed``, ``suspended`` or ``stopped``."""
    running = (
        libvirt.VIR_DOMAIN_RUNNING,
        libvirt.VIR_DOMAIN_BLOCKED,
        libvirt.VIR_DOMAIN_SHUTDOWN,
    )
    state = found.state()[0]
    return (
        "running"
        if state in running
        else {
            libvirt.VIR_DOMAIN_PAUSED: "paused",
            libvirt.VIR_DOMAIN_CRASHED: "crashed",
            libvirt.VIR_DOMAIN_PMSUSPENDED: "suspended",
        }.get(state, "stopped")
    )
