"""Disks: the layout's arithmetic, and a real small disk made from a real small tar."""

from __future__ import annotations

import json
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from guesthouse.lab import disks, recipe
from guesthouse.lab.disks import Layout
from guesthouse.lab.tools import run

LAYOUT = Layout(label="00c0ffee", boot_mib=64, root_mib=400)


def test_partitions_follow_each_other_and_the_root_is_last() -> None:
    assert LAYOUT.sfdisk() == (
        "label: dos\nlabel-id: 0x00c0ffee\n"
        "start=1MiB, size=64MiB, type=ef, bootable\n"
        "start=65MiB, size=400MiB, type=83\n"
    )
    assert LAYOUT.total_mib == 465


def test_bios_and_uefi_start_the_same_kernel_with_the_same_words() -> None:
    words = "root=PARTUUID=00c0ffee-02 rootfstype=ext4 rw console=ttyS0 quiet "
    words += "mitigations=off nowatchdog nokaslr no_timer_check audit=0 cryptomgr.notests "
    words += "lsm=capability"
    assert f"APPEND {words}\n" in disks.syslinux_text(LAYOUT)
    assert f"options {words}\n" in disks.loader_entry_text(LAYOUT)
    nested = replace(LAYOUT, arguments=disks.NESTED)
    assert f"APPEND {words} highres=off nohz=off " in disks.syslinux_text(nested)


@pytest.mark.parametrize(("tar_mib", "root_mib"), [(0, 96), (1, 112), (100, 224), (250, 400)])
def test_a_root_has_room_for_its_files(tmp_path: Path, tar_mib: int, root_mib: int) -> None:
    with (tmp_path / "t").open("wb") as file:
        file.truncate(tar_mib << 20)
    assert disks.root_size_mib(tmp_path / "t") == root_mib


def test_a_bootable_disk_is_made_without_mounts(tmp_path: Path) -> None:
    """MBR code, both partitions, boot files and root files, read back with other tools."""
    files = {
        "boot/vmlinuz-6": b"kernel",
        "boot/initrd.img-6": b"initrd",
        disks.EFI_LOADER: b"MZ loader",
        "etc/hostname": b"seen",
    }
    tar = tmp_path / "root.tar"
    tar.write_bytes(recipe.archive(files))
    assert tarfile.is_tarfile(tar)
    wanted = {"d": ("00c0ffee", ""), "e": ("00c0ffe1", "nohz=off")}
    disks.bootable(tar, tmp_path, {tmp_path / f"{n}.qcow2": made for n, made in wanted.items()})
    for name, (label, arguments) in wanted.items():
        is_a_disk(tmp_path / f"{name}.qcow2", label, arguments)


def is_a_disk(disk: Path, label: str, arguments: str) -> None:
    raw = disk.with_suffix(".raw")
    run("qemu-img", "convert", "-O", "raw", disk, raw)
    table = subprocess.run(
        ["/usr/sbin/sfdisk", "--json", str(raw)], capture_output=True, check=True
    )
    parts = json.loads(table.stdout)["partitiontable"]
    assert parts["id"] == f"0x{label}"
    assert [p["type"] for p in parts["partitions"]] == ["ef", "83"]
    assert raw.read_bytes()[510:512] == b"\x55\xaa"
    assert any(raw.read_bytes()[:440])
    listing = subprocess.run(
        ["mdir", "-a", "-/", "-b", "-i", f"{raw}@@{1 << 20}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for path in ("::/vmlinuz", "::/initrd", "::/EFI/BOOT/BOOTX64.EFI", "::/syslinux/ldlinux.sys"):
        assert path in listing
    config = ["mtype", "-i", f"{raw}@@{1 << 20}", "::/syslinux/syslinux.cfg"]
    said = subprocess.run(config, capture_output=True, text=True, check=True).stdout
    assert f"root=PARTUUID={label}-02 " in said and f" lsm=capability {arguments}".rstrip() in said
    start = parts["partitions"][1]["start"] * 512
    words = ["/usr/sbin/debugfs", "-R", "cat /etc/hostname", f"{raw}?offset={start}"]
    assert subprocess.run(words, capture_output=True, check=True).stdout == b"seen"
    words[2] = "ls -p /boot"
    assert b"vmlinuz" not in subprocess.run(words, capture_output=True, check=True).stdout
