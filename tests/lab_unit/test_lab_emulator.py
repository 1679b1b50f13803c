"""The mended QEMU: its source, what is changed in it, and what happens where it is not built."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from guesthouse.errors import LabError
from guesthouse.lab import accelerator, emulator

INDEXES = """\
main http://mirror/debian/ trixie Debian
main http://mirror/debian/ trixie-backports Debian Backports
main http://mirror/debian/ trixie Debian
contrib http://mirror/debian/ trixie Debian
main https://elsewhere/apt stable Somebody
"""


def test_only_debians_own_sources_are_asked() -> None:
    """By the name in the signed index, whatever the mirror is called; each once."""
    key = f"deb-src [signed-by={emulator.KEYRING}] http://mirror/debian/"
    assert emulator.sources(INDEXES) == f"{key} trixie main\n{key} trixie-backports main\n"
    with pytest.raises(LabError, match="knows no Debian mirror\n  hint: run `apt-get update`"):
        emulator.sources("main https://elsewhere/apt stable Somebody\n")


def source(root: Path, vmrun: str) -> Path:
    """The places of QEMU's source that are changed."""
    for folder in (Path(emulator.SVM).parent, "configs/devices/x86_64-softmmu"):
        (root / folder).mkdir(parents=True)
    (root / emulator.SVM).write_text(vmrun)
    (root / "meson.build").write_text("unpack = bzip2.found()\n")
    return root


def test_a_delivered_interrupt_is_done_with(tmp_path: Path) -> None:
    emulator.prepare(source(tmp_path, f"case INTR:\n    {emulator.DELIVERED}\n    break;\n"))
    assert (tmp_path / emulator.SVM).read_text() == (
        "case INTR:\n"
        "    do_interrupt_x86_hardirq(env, vector, 1); cs->exception_index = -1;\n"
        "    break;\n"
    )
    assert (tmp_path / "meson.build").read_text() == "unpack = false\n"
    devices = tmp_path / "configs/devices/x86_64-softmmu/lab.mak"
    assert "CONFIG_IGB_PCI_EXPRESS=y\n" in devices.read_text()


@pytest.mark.parametrize("vmrun", ["rewritten", 2 * emulator.DELIVERED])
def test_a_source_of_another_kind_is_left_alone(tmp_path: Path, vmrun: str) -> None:
    with pytest.raises(LabError, match="is not as this version of Guesthouse knows it"):
        emulator.prepare(source(tmp_path, vmrun))
    assert (tmp_path / emulator.SVM).read_text() == vmrun
    (tmp_path / emulator.SVM).unlink()
    with pytest.raises(LabError, match="is not in this QEMU's source"):
        emulator.prepare(tmp_path)


def test_another_version_is_another_program() -> None:
    assert emulator.key("1:10.0.2+ds-2") != emulator.key("1:10.0.3+ds-1")


def test_without_debians_source_the_lab_takes_the_systems_qemu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No scratch folder stays, and the user is told why and what it means."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, script in {
        "dpkg-query": "echo 1:10.0.2+ds-2",
        "apt-get": '[ "$1" != indextargets ] || echo main http://mirror/ trixie Debian\nexit 100',
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    said: list[str] = []
    assert emulator.program(said.append) == accelerator.QEMU
    assert said[1].startswith("emulator: could not be built: apt-get: failed with exit code 100")
    assert said[2] == (
        "emulator: the system's QEMU is used; under it a guest stands still now and then"
    )
    assert [p.name for p in (tmp_path / "cache/guesthouse").iterdir()] == [".qemu.lock"]
