"""How far a running guest can change without a restart: read from its running definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from guesthouse.effects.units import parse

# Smallest piece of memory that Linux takes in on x86 (a section, Documentation/mm/memory-model).
DIMM_KIB = 128 * 1024


@dataclass(frozen=True)
class Room:
    """Limits of a running guest. ``memory_kib`` is what it has, plugged memory included,
    ``memory_slots`` and ``ports`` (PCIe root ports) are free ones."""

    vcpus_max: int
    memory_kib: int
    memory_max_kib: int
    memory_slots: int
    ports: int

    def values(self) -> dict[str, int]:
        """As plain values, for the state."""
        return asdict(self)

    @classmethod
    def of_values(cls, values: Mapping[str, int]) -> Room:
        """From the state."""
        return cls(**values)


def room(live: str) -> Room:
    """The limits in ``live``, the XML of a running domain."""
    root = parse(live)
    devices = root.find("devices")
    used = {int(bus, 0) for bus in devices.xpath("*/address[@type='pci']/@bus")}
    ports = devices.xpath("controller[@type='pci'][@model='pcie-root-port']/@index")
    vcpu, memory = root.find("vcpu"), int(root.findtext("memory"))
    # Linux takes further vCPUs in only where it knows the hypervisor, and emulation is none
    # (arch/x86/kernel/cpu/topology.c).
    most = vcpu.get("current", vcpu.text) if root.get("type") == "qemu" else vcpu.text
    largest = root.find("maxMemory")
    return Room(
        vcpus_max=int(most),
        memory_kib=memory,
        memory_max_kib=memory if largest is None else int(largest.text),
        memory_slots=0
        if largest is None
        else int(largest.get("slots")) - len(devices.findall("memory")),
        ports=len([index for index in ports if int(index) not in used]),
    )
