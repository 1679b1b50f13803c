"""A host of pure memory: running guests whose devices come and go, and files by their path."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import libvirt

from guesthouse.effects.units import parse, serialise
from guesthouse.machine.connections import HostConnection


def error(code: int, message: str = "no") -> libvirt.libvirtError:
    """What libvirt raises."""
    made = libvirt.libvirtError(message)
    made.err = (code, 0, message, 2, "", "", "", 0, 0)
    return made


@dataclass
class Domain:
    """A guest: its running and its stored document. ``log`` is the host's."""

    name_: str
    uuid: str
    live: str
    config: str
    log: list[str] = field(default_factory=list)
    active: bool = True
    lets_go: bool = True
    refuses: str = ""
    ends: bool = False

    def name(self) -> str:
        return self.name_

    def UUIDString(self) -> str:
        return self.uuid

    def isActive(self) -> bool:
        return self.active

    def XMLDesc(self, flags: int) -> str:
        if not flags and not self.active:
            raise error(libvirt.VIR_ERR_OPERATION_INVALID)
        return self.config if flags & libvirt.VIR_DOMAIN_XML_INACTIVE else self.live

    def detachDeviceFlags(self, xml: str, flags: int) -> None:
        assert flags == libvirt.VIR_DOMAIN_AFFECT_LIVE
        self.log.append(f"{self.name_} pulled {mac(xml)}")
        if self.lets_go:
            root = parse(self.live)
            devices = root.find("devices")
            for nic in devices.findall("interface"):
                if nic.find("mac").get("address") == mac(xml):
                    devices.remove(nic)
            self.live = serialise(root)

    def attachDeviceFlags(self, xml: str, flags: int) -> None:
        assert flags == libvirt.VIR_DOMAIN_AFFECT_LIVE
        if self.ends:
            self.active = False
            raise error(libvirt.VIR_ERR_OPERATION_INVALID)
        if self.refuses:
            raise error(libvirt.VIR_ERR_INTERNAL_ERROR, self.refuses)
        self.log.append(f"{self.name_} put back {mac(xml)}")
        root = parse(self.live)
        root.find("devices").append(parse(xml))
        self.live = serialise(root)


def mac(xml: str) -> str:
    """The MAC address of a NIC."""
    return str(parse(xml).find("mac").get("address"))


class Host:
    """Answers as a HostConnection does: ``libvirt`` and ``root``, the latter for registry files."""

    def __init__(self, *domains: Domain) -> None:
        self.log: list[str] = []
        self.files: dict[str, str] = {}
        self.domains = {domain.uuid: domain for domain in domains}
        for domain in domains:
            domain.log = self.log
        self.libvirt = SimpleNamespace(
            listAllDomains=lambda flags: [d for d in self.domains.values() if d.active],
            lookupByUUIDString=self._lookup,
        )

    @property
    def connection(self) -> HostConnection:
        return cast(HostConnection, self)

    def root(self, command: str, input: bytes | None = None, timeout_s: float = 300) -> str:
        rows: tuple[tuple[str, Callable[[str], str]], ...] = (
            (r"^cat -- (\S+) 2>", lambda path: self.files.get(path, "")),
            (r"^rm -f -- (\S+)$", self._remove),
            (
                r"cat > (\S+)\.new; sync -- \1\.new; mv -- \1\.new \1$",
                lambda path: self._write(path, input),
            ),
        )
        for pattern, do in rows:
            if found := re.search(pattern, command):
                return do(found[1])
        raise AssertionError(command)

    def _write(self, path: str, data: bytes | None) -> str:
        self.log.append("written down")
        self.files[path] = (data or b"").decode()
        return ""

    def _remove(self, path: str) -> str:
        self.log.append("file removed")
        self.files.pop(path, None)
        return ""

    def _lookup(self, uuid: str) -> Any:
        if uuid not in self.domains:
            raise error(libvirt.VIR_ERR_NO_DOMAIN)
        return self.domains[uuid]
