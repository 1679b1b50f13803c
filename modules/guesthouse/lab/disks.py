"""Disk images from a tar of a root file system: no mounts, no loop devices, no root.

``bare`` is one file system for a host whose kernel QEMU loads itself. ``bootable`` is a whole
disk: MBR, a FAT boot partition with syslinux (BIOS) and systemd-boot (UEFI), an ext4 root named
by PARTUUID, last on the disk so that it can grow. Follows sfdisk(8), mke2fs(8), syslinux(1).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from guesthouse.errors import LabError, Problem
from guesthouse.lab.tools import run

MIB = 1 << 20
BOOT_START_MIB = 1
# syslinux's boot record for the MBR: Debian's syslinux-common, then Arch, Fedora.
MBR_CODE = (
    "/usr/lib/syslinux/mbr/mbr.bin",
    "/usr/lib/syslinux/bios/mbr.bin",
    "/usr/share/syslinux/mbr.bin",
)
MBR_CODE_BYTES = 440
EFI_LOADER = "usr/lib/systemd/boot/efi/systemd-bootx64.efi"

# Guests are emulated on most machines that have a lab: no line of console output, no watchdog tick,
# mitigation, timer check, cipher test or BPF hook.
FAST_BOOT = (
    "quiet mitigations=off nowatchdog nokaslr no_timer_check audit=0 cryptomgr.notests"
    " lsm=capability"
)
# Inside an emulated host every exit to the hypervisor is dear: a periodic tick is set once, where a
# tick at a deadline is an exit more each time. A guest whose kernel panicked starts again (emulated
# SVM delivers a wrong exception once in many boots).
NESTED = "highres=off nohz=off lapic=notscdeadline panic=10"

# Under fakeroot the owners of the tar's files exist only inside one process tree: unpack and
# fill in one script. Devices are left out: devtmpfs makes them.
UNPACK_AND_FILL = """
tar -C "$1" --exclude='./dev/*' -xpf "$2"
for file in "$1"/boot/vmlinuz-*; do cp "$file" "$3/vmlinuz"; done
for file in "$1"/boot/initrd.img-*; do cp "$file" "$3/initrd"; done
[ ! -e "$1/$4" ] || cp "$1/$4" "$3/bootx64.efi"
rm -rf "$1/usr/lib/systemd/boot" "$1"/boot/vmlinuz-* "$1"/boot/initrd.img-*
shift 4
"$@"
"""


@dataclass(frozen=True)
class Layout:
    """Sizes of a bootable disk, in MiB; ``label`` is the MBR's identifier, 8 hex digits;
    ``arguments`` are the kernel's beside those that all have."""

    label: str
    boot_mib: int
    root_mib: int
    arguments: str = ""

    @property
    def root_start_mib(self) -> int:
        return BOOT_START_MIB + self.boot_mib

    @property
    def total_mib(self) -> int:
        return self.root_start_mib + self.root_mib

    @property
    def root(self) -> str:
        """What the kernel's ``root=`` says (the second partition of this MBR)."""
        return f"PARTUUID={self.label}-02"

    def sfdisk(self) -> str:
        """The partition table, for sfdisk's standard input."""
        return (
            f"label: dos\nlabel-id: 0x{self.label}\n"
            f"start={BOOT_START_MIB}MiB, size={self.boot_mib}MiB, type=ef, bootable\n"
            f"start={self.root_start_mib}MiB, size={self.root_mib}MiB, type=83\n"
        )

    def kernel_arguments(self) -> str:
        own = f" {self.arguments}" if self.arguments else ""
        return f"root={self.root} rootfstype=ext4 rw console=ttyS0 {FAST_BOOT}{own}"


def syslinux_text(layout: Layout) -> str:
    """syslinux.cfg: one entry, no menu, no waiting."""
    return (
        "DEFAULT linux\nPROMPT 0\nTIMEOUT 1\nSERIAL 0 115200\n"
        f"LABEL linux\n  LINUX /vmlinuz\n  INITRD /initrd\n  APPEND {layout.kernel_arguments()}\n"
    )


def loader_entry_text(layout: Layout) -> str:
    """systemd-boot's entry for the same kernel (the Boot Loader Specification, type 1)."""
    return f"title Debian\nlinux /vmlinuz\ninitrd /initrd\noptions {layout.kernel_arguments()}\n"


def root_size_mib(tar: Path) -> int:
    """Room for the tar's content, ext4's own tables and a first boot, in whole 16 MiB."""
    needed = tar.stat().st_size / MIB * 1.2 + 96
    return -(-int(needed) // 16) * 16


def fill(tar: Path, work: Path, *mke2fs: str) -> None:
    """Unpacks the tar and runs mke2fs on it; leaves vmlinuz, initrd, bootx64.efi in ``work``."""
    tree = work / "tree"
    tree.mkdir()
    prefix = [] if os.geteuid() == 0 else ["fakeroot", "--"]
    script = ["sh", "-euc", UNPACK_AND_FILL, "sh"]
    run(*prefix, *script, tree, tar, work, EFI_LOADER, "mke2fs", "-q", "-t", "ext4", *mke2fs)
    subprocess.run(["chmod", "-R", "u+rwX", str(tree)], check=False)
    shutil.rmtree(tree)


def bare(tar: Path, work: Path, size_gib: int, output: Path) -> None:
    """One ext4 file system of ``size_gib`` GiB (sparse) as qcow2."""
    raw = work / "disk.raw"
    fill(tar, work, "-d", str(work / "tree"), str(raw), f"{size_gib}G")
    run("qemu-img", "convert", "-O", "qcow2", raw, output)
    raw.unlink()


def bootable(tar: Path, work: Path, disks: Mapping[Path, tuple[str, str]]) -> None:
    """Disks that start under BIOS and UEFI, as qcow2: file -> its label, its kernel's arguments.

    Not compressed: an emulated host would unpack each cluster again at every read of it.
    """
    raw = work / "disk.raw"
    # The kernel's size is only known once unpacked; 64 MiB hold any Debian kernel and initrd.
    layouts = {
        output: Layout(label, boot_mib=64, root_mib=root_size_mib(tar), arguments=arguments)
        for output, (label, arguments) in disks.items()
    }
    layout = next(iter(layouts.values()))
    with raw.open("wb") as file:
        file.truncate(layout.total_mib * MIB)
    run("sfdisk", "--quiet", raw, stdin=layout.sfdisk())
    offset = layout.root_start_mib * MIB
    size = f"{layout.root_mib}M"
    options = ["-L", "root", "-b", "4096", "-E", f"offset={offset},lazy_itable_init=1"]
    fill(tar, work, *options, "-d", str(work / "tree"), str(raw), size)
    for output, layout in layouts.items():
        run("sfdisk", "--quiet", "--disk-id", raw, f"0x{layout.label}")
        boot_partition(raw, work, layout)
        run("qemu-img", "convert", "-O", "qcow2", raw, output)
    raw.unlink()


def boot_partition(raw: Path, work: Path, layout: Layout) -> None:
    """Writes the MBR's code and fills the FAT partition, in place."""
    start = BOOT_START_MIB * MIB
    sectors = str(start // 512)
    fat_kib = str(layout.boot_mib * 1024)
    run("mkfs.fat", "-n", "BOOT", "--offset", sectors, "-h", sectors, raw, fat_kib)
    drive = f"{raw}@@{start}"
    (work / "syslinux.cfg").write_text(syslinux_text(layout))
    (work / "loader.conf").write_text("default debian.conf\ntimeout 0\n")
    (work / "debian.conf").write_text(loader_entry_text(layout))
    folders = ["::/syslinux", "::/loader", "::/loader/entries", "::/EFI", "::/EFI/BOOT"]
    run("mmd", "-i", drive, *folders)
    contents = {
        "vmlinuz": "::/vmlinuz",
        "initrd": "::/initrd",
        "syslinux.cfg": "::/syslinux/syslinux.cfg",
        "loader.conf": "::/loader/loader.conf",
        "debian.conf": "::/loader/entries/debian.conf",
        "bootx64.efi": "::/EFI/BOOT/BOOTX64.EFI",
    }
    for name, target in contents.items():
        run("mcopy", "-i", drive, work / name, target)
    run("syslinux", "--install", "--offset", str(start), "--directory", "/syslinux", raw)
    code = next((Path(path) for path in MBR_CODE if Path(path).exists()), None)
    if code is None:
        hint = "install the package syslinux-common (`make setup` does)"
        raise LabError(Problem("mbr.bin", "syslinux's boot record is not installed", hint=hint))
    with raw.open("r+b") as file:
        file.write(code.read_bytes()[:MBR_CODE_BYTES])
