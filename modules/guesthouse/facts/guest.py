"""Facts of a guest, seen from its host: the domain as libvirt has it.

Follows https://libvirt.org/formatdomain.html. What the guest itself says is in ``inside``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from guesthouse.facts import virsh
from guesthouse.facts.sriov import pci_of
from guesthouse.model import DOMAIN_TYPES

_UNITS = {"b": 1, "bytes": 1, "k": 1024, "kib": 1024, "m": 1024**2, "mib": 1024**2}
_UNITS |= {"g": 1024**3, "gib": 1024**3, "t": 1024**4, "tib": 1024**4}
# A site file's word for each type of domain.
_ACCELERATIONS = {kind: name for name, kind in DOMAIN_TYPES.items()}


@dataclass(frozen=True)
class DomainDisk:
    """A disk or CD drive: its device kind, file on the host and serial (empty when none); limits
    in bytes and operations a second, 0 for none; ``cache``, ``io`` and ``discard`` are empty where
    libvirt chooses."""

    device: str
    path: str
    serial: str
    max_bytes_per_s: int = 0
    max_iops: int = 0
    cache: str = ""
    io: str = ""
    discard: str = ""


@dataclass(frozen=True)
class DomainNic:
    """A NIC: kind ``bridge`` or ``network``, the bridge's or network's name, the tap's name;
    limits in kilobytes (1000 bytes) a second, 0 for none.

    A running guest's virtual function is of kind ``hostdev``, without name and tap:
    ``pci_address`` says where the host has it. ``vlan`` is 0 for none.
    """

    kind: str
    source: str
    tap: str
    max_rx_kb_per_s: int = 0
    max_tx_kb_per_s: int = 0
    pci_address: str = ""
    vlan: int = 0


@dataclass(frozen=True)
class Shape:
    """One XML description. ``acceleration`` is kvm or tcg, else libvirt's type of domain. Memory in
    MiB; disks by target (vda), NICs by MAC in lower case;
    ``watchdog`` is its action, empty without one; ``devices`` of the host are by our name for them,
    else by their place: a PCI address or a mediated device's UUID."""

    acceleration: str
    vcpus: int
    vcpus_max: int
    memory_mib: int
    boot_memory_mib: int
    memory_max_mib: int
    cpu_shares: int
    cpu_limit_percent: int
    machine: str
    cpu: str
    firmware: str
    description: str
    on_crash: str
    watchdog: str
    panic_device: bool
    disks: Mapping[str, DomainDisk]
    nics: Mapping[str, DomainNic]
    devices: Mapping[str, str] = field(default_factory=dict)

    def disk(self, path: str) -> DomainDisk | None:
        """The disk with this file, whatever device it is."""
        return next((disk for disk in self.disks.values() if disk.path == path), None)


@dataclass(frozen=True)
class DomainFact:
    """A domain: ``config`` is what its next start uses, ``live`` what runs now, if it runs.

    ``mark`` is ``site/project/stack/name`` of the ownership mark, empty when there is none.
    """

    uuid: str
    state: str
    autostart: bool
    mark: str
    config: Shape
    live: Shape | None

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Live first: what a person sees is what runs."""
        return (self.live, self.config) if self.live else (self.config,)


COMMANDS = ("dominfo", "dumpxml", "dumpxml --inactive")


def domain(info_text: str, live_text: str, config_text: str) -> DomainFact:
    """Read the answers to ``COMMANDS``."""
    info = virsh.table(info_text)
    config = virsh.xml(config_text)
    runs = info["State"] not in ("shut off", "crashed")
    return DomainFact(
        uuid=info["UUID"],
        state=info["State"],
        autostart=info["Autostart"] == "enable",
        mark=_mark(config),
        config=shape(config),
        live=shape(virsh.xml(live_text)) if runs and live_text else None,
    )


def _mark(root: etree._Element) -> str:
    element = root.find("metadata/{urn:guesthouse:1}guest")
    keys = ("site", "project", "stack", "name")
    return "" if element is None else "/".join(element.get(key) or "" for key in keys)


def shape(root: etree._Element) -> Shape:
    """Read one domain XML."""
    vcpu = root.find("vcpu")
    count = int(_text(vcpu) or 1)
    boot = _mib(root.find("memory"))
    current = root.find("currentMemory")
    most = root.find("maxMemory")
    cpu, kind = root.find("cpu"), root.get("type") or ""
    return Shape(
        acceleration=_ACCELERATIONS.get(kind, kind),
        vcpus=int(vcpu.get("current") or count) if vcpu is not None else 1,
        vcpus_max=count,
        memory_mib=boot if current is None else _mib(current),
        boot_memory_mib=boot,
        memory_max_mib=boot if most is None else _mib(most),
        cpu_shares=_number(root.find("cputune/shares")),
        cpu_limit_percent=_cpu_limit(root),
        machine=_machine(root.find("os/type")),
        cpu="" if cpu is None else cpu.get("mode") or "",
        firmware=_firmware(root),
        description=_text(root.find("description")),
        on_crash=_text(root.find("on_crash")) or "destroy",
        watchdog=next((w.get("action") or "reset" for w in root.findall("devices/watchdog")), ""),
        panic_device=root.find("devices/panic") is not None,
        disks=dict(_disk(item) for item in root.findall("devices/disk")),
        nics=dict(_nic(item) for item in root.findall("devices/interface")),
        devices=dict(_device(item) for item in root.findall("devices/hostdev")),
    )


def _cpu_limit(root: etree._Element) -> int:
    quota = _number(root.find("cputune/global_quota"))
    period = _number(root.find("cputune/global_period")) or 100_000
    return 100 * max(quota, 0) // period


def _machine(element: etree._Element | None) -> str:
    return "" if element is None else element.get("machine") or ""


def _number(element: etree._Element | None) -> int:
    return int(_text(element) or 0)


def _text(element: etree._Element | None) -> str:
    return "" if element is None else (element.text or "").strip()


def _mib(element: etree._Element | None) -> int:
    if element is None:
        return 0
    unit = _UNITS[(element.get("unit") or "KiB").lower()]
    return int(_text(element)) * unit // 1024**2


def _firmware(root: etree._Element) -> str:
    element, loader = root.find("os"), root.find("os/loader")
    automatic = element is not None and element.get("firmware") == "efi"
    flash = loader is not None and loader.get("type") == "pflash"
    return "uefi" if automatic or flash else "bios"


def _disk(item: etree._Element) -> tuple[str, DomainDisk]:
    target, source = item.find("target"), item.find("source")
    path = "" if source is None else source.get("file") or source.get("dev") or ""
    device = item.get("device") or "disk"
    name = "" if target is None else target.get("dev") or ""
    return name, DomainDisk(
        device,
        path,
        _text(item.find("serial")),
        _number(item.find("iotune/total_bytes_sec")),
        _number(item.find("iotune/total_iops_sec")),
        *_policy(item.find("driver")),
    )


def _policy(driver: etree._Element | None) -> tuple[str, ...]:
    names = ("cache", "io", "discard")
    return ("",) * 3 if driver is None else tuple(driver.get(name) or "" for name in names)


def _nic(item: etree._Element) -> tuple[str, DomainNic]:
    mac, source, target = item.find("mac"), item.find("source"), item.find("target")
    kind = item.get("type") or ""
    name = "" if source is None else source.get(kind) or ""
    tap = "" if target is None else target.get("dev") or ""
    address = "" if mac is None else (mac.get("address") or "").lower()
    rates = [item.find(f"bandwidth/{way}") for way in ("inbound", "outbound")]
    limits = [0 if r is None else int(r.get("average") or 0) for r in rates]
    place, tag = item.find("source/address"), item.find("vlan/tag")
    pci_address = "" if place is None else pci_of(place.attrib)
    vlan = 0 if tag is None else int(tag.get("id") or 0)
    return address, DomainNic(kind, name, tap, limits[0], limits[1], pci_address, vlan)


def _device(item: etree._Element) -> tuple[str, str]:
    alias, address = item.find("alias"), item.find("source/address")
    place = f"another kind: {item.get('type')}"
    if address is not None and item.get("type") == "mdev":
        place = (address.get("uuid") or "").lower()
    elif address is not None and item.get("type") == "pci":
        place = pci_of(address.attrib)
    name = "" if alias is None else alias.get("name") or ""
    # Only aliases that begin so are somebody's own.
    return (name.removeprefix("ua-") if name.startswith("ua-") else place), place
