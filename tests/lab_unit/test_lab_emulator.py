"""The mended QEMU: its source, what is changed in it, and what happens where it is not built."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from guesthouse.errors import LabError
from guesthouse.lab import accelerator, emulator, images, needs, new
from guesthouse.lab.host import CONTAINER, EMULATED, Wanted
from guesthouse.lab.images import Image
from guesthouse.lab.state import Folder

INDEXES = """\
main https://elsewhere/apt Somebody
contrib http://mirror/debian/ Debian
main http://mirror/debian-security/ Debian
main http://mirror/debian/ Debian Backports
"""
LINE = f"deb-src [signed-by={emulator.KEYRING}] http://mirror/debian/ {emulator.SUITE} main\n"


def test_debians_own_mirror_is_asked() -> None:
    """Known by the name in the signed index, whatever the mirror is called."""
    assert emulator.sources(INDEXES) == LINE
    with pytest.raises(LabError, match="knows no Debian mirror\n  hint: run `apt-get update`"):
        emulator.sources(INDEXES.splitlines()[0])


def source(root: Path, vmrun: str) -> Path:
    """The places of QEMU's source that are changed."""
    for folder in (Path(emulator.SVM).parent, "configs/devices/x86_64-softmmu"):
        (root / folder).mkdir(parents=True)
    (root / emulator.SVM).write_text(vmrun)
    (root / "meson.build").write_text("unpack = bzip2.found()\nother = libbzip2.found()\n")
    return root


def test_a_delivered_interrupt_is_done_with(tmp_path: Path) -> None:
    emulator.prepare(source(tmp_path, f"case INTR:\n    {emulator.DELIVERED}\n    break;\n"))
    assert (tmp_path / emulator.SVM).read_text() == (
        "case INTR:\n"
        "    do_interrupt_x86_hardirq(env, vector, 1); cs->exception_index = -1;\n"
        "    break;\n"
    )
    assert (tmp_path / "meson.build").read_text() == "unpack = false\nother = libbzip2.found()\n"
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


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs before the others, and an empty cache."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def write(file: Path, script: str) -> None:
    file.write_text(f"#!/bin/sh -eu\n{script}")
    file.chmod(0o755)


# As apt does: indexes by its own lists, the archive by the list that the options name.
APT = """
case "$*" in
indextargets*) cat {root}/indexes; exit ;;
esac
for word in "$@"; do
    case $word in --option=Dir::Etc::SourceList=*) cp "${{word#*SourceList=}}" {root}/asked ;; esac
done
case "$*" in
*source*--tar-only*qemu) tar -C {root} -cf qemu_1.orig.tar.xz tree ;;
esac
"""
NINJA = (
    "for n in 1 2 3 4; do echo [$n/4] compiling; done; cp ../source/configured qemu-system-x86_64"
)


def test_it_is_built_once(tools: Path, tmp_path: Path) -> None:
    """From the archive to the program, with tools that do what the real ones do with a real one."""
    tree = source(tmp_path / "tree", emulator.DELIVERED)
    write(tree / "configure", 'cp "$0" "${0%/*}/configured"; echo "$@" > "${0%/*}/../../words"')
    (tmp_path / "indexes").write_text(INDEXES)
    write(tools / "apt-get", APT.format(root=tmp_path))
    write(tools / "ninja", NINJA)
    said: list[str] = []
    program = Path(emulator.program(said.append))
    assert program.parent.parent == tmp_path / "cache/guesthouse"
    assert program.name == accelerator.QEMU and os.access(program, os.X_OK)
    assert (tmp_path / "asked").read_text() == LINE
    assert "--disable-download" in (tmp_path / "cache/guesthouse/words").read_text()
    compiled = [f"emulator: {part} % compiled" for part in (25, 50, 75)]
    assert said[1:4] == compiled and said[4].startswith("emulator: done in ")
    names = {path.name for path in program.parent.parent.iterdir()}
    assert names == {program.parent.name, ".lock", ".qemu.lock", "qemu.build.log", "words"}
    (tools / "ninja").unlink()
    assert Path(emulator.program(said.append)) == program and len(said) == 5


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exit 100", "apt-get: failed with exit code 100"),
        ("cat {root}/indexes", "not enough values to unpack (expected 1, got 0)"),
    ],
)
def test_where_it_cant_be_built_the_lab_takes_the_systems(
    tools: Path, tmp_path: Path, script: str, why: str
) -> None:
    """No scratch folder stays, and the user is told why and what it means."""
    (tmp_path / "indexes").write_text(INDEXES)
    write(tools / "apt-get", script.format(root=tmp_path))
    said: list[str] = []
    assert emulator.program(said.append) == accelerator.QEMU
    assert said[1] == f"emulator: could not be built: {why}"
    assert "under it a guest stands still now and then" in said[2]
    assert [p.name for p in (tmp_path / "cache/guesthouse").iterdir()] == [".qemu.lock"]


@pytest.mark.parametrize(
    ("kind", "found", "qemu"),
    [
        (EMULATED, accelerator.KVM, accelerator.QEMU),
        (EMULATED, accelerator.TCG, "/cache/mended"),
        (CONTAINER, accelerator.TCG, ""),
    ],
)
def test_only_an_emulated_lab_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, found: str, qemu: str
) -> None:
    folder = Folder(tmp_path)
    folder.lab.mkdir(parents=True)
    monkeypatch.setattr(images, "image", lambda name, _: Image(name, tmp_path, "d" * 64))
    monkeypatch.setattr(accelerator, "choose", lambda _: found)
    monkeypatch.setattr(accelerator, "is_kvm_likely", lambda: found == accelerator.KVM)
    monkeypatch.setattr(emulator, "program", lambda _: "/cache/mended")
    monkeypatch.setattr(needs, "require", lambda *_: None)
    wanted = [Wanted("h1", kind), Wanted("h2", kind)]
    assert new.record(folder, wanted, print, one_segment=False).qemu == qemu
