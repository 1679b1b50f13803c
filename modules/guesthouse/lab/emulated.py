"""A lab host as an emulated machine: its QEMU command line, its start and its end. What its NICs
are plugged into is in ``hubs``.
"""

from __future__ import annotations

import shutil
from base64 import b64encode
from pathlib import Path

from guesthouse.errors import LabError, Problem
from guesthouse.lab import hubs, process, qmp, relay
from guesthouse.lab.accelerator import KVM
from guesthouse.lab.host import LabHost, Link
from guesthouse.lab.images import NEW_LAB, Say
from guesthouse.lab.ports import LOOPBACK, is_free
from guesthouse.lab.state import Folder, Record
from guesthouse.lab.tools import run

MEMORY_MIB = 3072
VCPUS = 2
# Under emulation, guests on both vCPUs at once destroy the state of host and guests within
# minutes (docs/decisions/0005): all guests have the second one, the host's own work the first.
GUESTS_VCPU = 1
GUESTS_ON_ONE_VCPU = f"[Slice]\nAllowedCPUs={GUESTS_VCPU}\n"
DISK_GIB = 20
QUIT_TIMEOUT_S = 10

KERNEL_ARGUMENTS = (
    # SR-IOV needs the IOMMU.
    "root=/dev/vda rw console=ttyS0 loglevel=4 intel_iommu=on iommu=pt"
    # Under emulation every exit of a guest is dear: no mitigations, and one steady tick that serves
    # all timers (no harm under KVM: the host is as short-lived as the lab).
    " mitigations=off nowatchdog audit=0 highres=off nohz=off"
)


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
        *hubs.nics(host, one_segment),
        *credential("ssh.authorized_keys.root", "id_ed25519.pub"),
        *credential("lab.ssh_host_key", host.private_host_key),
        *credential("system.hostname", f"{host.name}.hostname"),
        *([] if accelerator == KVM else unit_dropin("machine.slice", GUESTS_ON_ONE_VCPU)),
    ]


def start(folder: Folder, host: LabHost, record: Record, say: Say) -> None:
    """Starts the host's QEMU on its disk, made as an overlay of the host image the first time."""
    image = Path(record.host_image)
    if not image.exists():
        hint = f"run {NEW_LAB}"
        raise LabError(Problem(f"host {host.name}", f"its image {image} is gone", hint=hint))
    if not is_free(host.ssh_port):
        what = f"port {host.ssh_port} on {LOOPBACK} is taken by another program"
        hint = "end that program, or `guesthouse lab down` for a lab with new ports"
        raise LabError(Problem(f"host {host.name}", what, hint=hint))
    disk = folder.lab / host.disk
    again = disk.exists()
    if not again:
        base = image / "host.qcow2"
        options = ["-f", "qcow2", "-F", "qcow2", "-b", str(base)]
        run("qemu-img", "create", "-q", *options, disk, f"{DISK_GIB}G")
    how = "starting again from its disk" if again else "starting"
    say(f"host {host.name}: {how} ({record.accelerator})")
    kernel = (image / "vmlinuz", image / "initrd")
    argv = command(host, record.qemu, record.accelerator, *kernel, record.one_segment)
    if not shutil.which(argv[0]):
        # One that was built here goes with the cache; a new lab builds it again.
        hint = f"run `make setup`; if that does not help, {NEW_LAB}"
        raise LabError(Problem(argv[0], "is not there", hint=hint))
    log = folder.lab / host.qemu_log
    process.start(argv, folder.lab, log, folder.lab / host.pidfile)


def pid(folder: Folder, host: LabHost) -> int:
    """The process of the host's QEMU; 0 when it does not run."""
    running = process.read(folder.lab / host.pidfile)
    if running:
        process.reap(running)
    return running.pid if running else 0


def stop(folder: Folder, host: LabHost, say: Say) -> None:
    """Ends the host's QEMU, if it runs; its disk stays whole."""
    end(folder.lab / host.pidfile, say)


def link(folder: Folder, host: LabHost, state: Link) -> None:
    """Makes the host's trunk so: slow by a process that its frames pass, cut at its NIC."""
    relay.end(folder.lab, host.name)
    if state.slow:
        argv = relay.command(hubs.slow_ends(host), state)
        relay.start(argv, folder.lab, host.name)
    try:
        hubs.link(folder.lab / host.qmp, host, state)
    except (OSError, ValueError) as error:
        what = "its QEMU does not do what it is told"
        raise LabError(Problem(f"host {host.name}", what, got=str(error))) from None


def end(pidfile: Path, say: Say) -> None:
    """Ends the QEMU that the pid file names, if it is still that one; its disk stays whole.

    The guest is not asked to shut down: its disk is about to be removed, or it failed to boot.
    """
    running = process.read(pidfile)
    if running:
        say(f"host {pidfile.stem}: stopping")
        try:
            qmp.command(pidfile.with_suffix(".qmp"), "quit")
            process.wait_gone(running, QUIT_TIMEOUT_S)
        except OSError:
            pass  # It does not listen: a signal will do.
        process.end(running)
    pidfile.unlink(missing_ok=True)
