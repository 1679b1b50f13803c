"""A lab host as a value, and the QEMU command line that runs it. Pure.

Where its NICs sit is part of the lab's promise to site files: ``enp0s3`` management (user
networking, DHCP), ``enp0s4`` trunk for bridges, ``enp1s0`` an igb PF with SR-IOV, ``enp2s0`` a
spare e1000e with no cable, alone behind its port: a card to pass to a guest. Trunk and PF are each
wired to the other host's; with ``one_segment`` h1 joins the two wires.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from guesthouse.lab.accelerator import KVM
from guesthouse.lab.ports import LOOPBACK

MEMORY_MIB = 3072
VCPUS = 2
# Under emulation, guests on both vCPUs at once destroy the state of host and guests within
# minutes (docs/decisions/0005): all guests have the second one, the host's own work the first.
GUESTS_VCPU = 1
GUESTS_ON_ONE_VCPU = f"[Slice]\nAllowedCPUs={GUESTS_VCPU}\n"
DISK_GIB = 20
NAMES = ("h1", "h2")
TRUNK_HUB, SRIOV_HUB = 0, 1

KERNEL_ARGUMENTS = (
    # SR-IOV needs the IOMMU.
    "root=/dev/vda rw console=ttyS0 loglevel=4 intel_iommu=on iommu=pt"
    # Under emulation every exit of a guest is dear: no mitigations, and one steady tick that serves
    # all timers (no harm under KVM: the host is as short-lived as the lab).
    " mitigations=off nowatchdog audit=0 highres=off nohz=off"
)


@dataclass(frozen=True)
class LabHost:
    """One emulated host. ``number`` counts from 1; ``host_key`` is its public ssh host key."""

    name: str
    number: int
    ssh_port: int
    host_key: str

    @property
    def disk(self) -> str:
        return f"{self.name}.qcow2"

    @property
    def serial_log(self) -> str:
        return f"{self.name}.serial.log"

    @property
    def qemu_log(self) -> str:
        return f"{self.name}.qemu.log"

    @property
    def pidfile(self) -> str:
        return f"{self.name}.pid"

    @property
    def qmp(self) -> str:
        return f"{self.name}.qmp"

    @property
    def private_host_key(self) -> str:
        return f"{self.name}.host_key"

    @property
    def peer(self) -> str:
        """The host at the other end of its wires."""
        return next(name for name in NAMES if name != self.name)

    def mac(self, nic: int) -> str:
        """The MAC of NIC 1 (management), 2 (trunk), 3 (PF) or 4 (spare), locally administered."""
        return f"52:54:00:6c:{nic:02x}:{self.number:02x}"


def wire(host: LabHost, name: str, hub: int) -> list[str]:
    """A NIC's port ``name`` of a hub, and a wire there: Ethernet frames as datagrams between two
    sockets of the lab's folder. QEMU takes a dead one's socket away, and drops what nobody hears.
    """
    near, far = f"{host.name}.{name}", f"{host.peer}.{name}"
    path = f"local.type=unix,local.path={near},remote.type=unix,remote.path={far}"
    return [
        *("-netdev", f"dgram,id={name}.wire,{path}"),
        *("-netdev", f"hubport,id={name}.end,hubid={hub},netdev={name}.wire"),
        *("-netdev", f"hubport,id={name},hubid={hub}"),
        # Nobody is behind this port, so a hub always reads: a NIC that is down would fill the
        # socket, stall the other host's NIC and make its QEMU spin (measured).
        *("-netdev", f"hubport,id={name}.drain,hubid={hub}"),
    ]


def credential(name: str, file: str) -> list[str]:
    """A systemd credential from a file (systemd.exec(5), "qemu" in systemd's CREDENTIALS)."""
    return ["-fw_cfg", f"name=opt/io.systemd.credentials/{name},file={file}"]


def quoted(path: Path) -> str:
    """A path inside a QEMU option list: a comma is written twice."""
    return str(path).replace(",", ",,")


def unit_dropin(unit: str, text: str) -> list[str]:
    """A drop-in for a unit of the host (systemd-debug-generator(8), systemd 256 and later).

    As an SMBIOS string: its name is longer than fw_cfg's 55 characters.
    """
    name = f"io.systemd.credential.binary:systemd.unit-dropin.{unit}"
    # Base64 has "=" at most at its end, and no comma that QEMU would split at.
    return ["-smbios", f"type=11,value={name}={b64encode(text.encode()).decode()}"]


def nics(host: LabHost, one_segment: bool) -> list[str]:
    """The host's NICs. One host's hub joins both wires: two would be a loop."""
    joined = one_segment and host.name == NAMES[0]
    nic = "virtio-net-pci,netdev"
    return [
        *("-netdev", f"user,id=management,hostfwd=tcp:{LOOPBACK}:{host.ssh_port}-:22"),
        *("-device", f"{nic}=management,addr=0x3,mac={host.mac(1)}"),
        *wire(host, "trunk", TRUNK_HUB),
        *("-device", f"{nic}=trunk,addr=0x4,mac={host.mac(2)}"),
        *("-device", "pcie-root-port,id=port1,slot=1,addr=0x1c"),
        *wire(host, "sriov", TRUNK_HUB if joined else SRIOV_HUB),
        *("-device", f"igb,netdev=sriov,bus=port1,mac={host.mac(3)}"),
        *("-device", "pcie-root-port,id=port2,slot=2,addr=0x1d"),
        *("-device", f"e1000e,bus=port2,mac={host.mac(4)}"),
    ]


def command(
    host: LabHost, qemu: str, accelerator: str, vmlinuz: Path, initrd: Path, one_segment: bool
) -> list[str]:
    """The command of the program ``qemu``, run in the lab's folder: its own files are relative
    (socket paths are limited to 107 bytes)."""
    # phys-bits=36: QEMU 10.0 maps a VF's 64-bit BAR by its low 32 bits only (measured).
    # la57=off: four levels of page tables to walk, for the host and for its guests, not five.
    cpu = (
        "host,host-phys-bits=off,phys-bits=36"
        if accelerator == KVM
        else "max,phys-bits=36,la57=off"
    )
    return [
        qemu,
        *("-name", f"guesthouse-lab-{host.name}", "-accel", accelerator, "-cpu", cpu),
        *("-M", "q35", "-m", str(MEMORY_MIB), "-smp", str(VCPUS)),
        *("-nodefaults", "-display", "none"),
        *("-kernel", str(vmlinuz), "-initrd", str(initrd), "-append", KERNEL_ARGUMENTS),
        *("-chardev", f"file,id=serial,path={host.serial_log},append=on"),
        *("-serial", "chardev:serial", "-qmp", f"unix:{host.qmp},server=on,wait=off"),
        *("-device", "intel-iommu,intremap=on,caching-mode=on"),
        # The disk dies with the lab, so nothing is ever flushed.
        *("-drive", f"file={host.disk},if=none,id=disk,cache=unsafe,discard=unmap"),
        *("-device", "virtio-blk-pci,drive=disk,addr=0x5", "-device", "virtio-rng-pci,addr=0x6"),
        *nics(host, one_segment),
        *credential("ssh.authorized_keys.root", "id_ed25519.pub"),
        *credential("lab.ssh_host_key", host.private_host_key),
        *credential("system.hostname", f"{host.name}.hostname"),
        *([] if accelerator == KVM else unit_dropin("machine.slice", GUESTS_ON_ONE_VCPU)),
    ]
