"""The lab's life around the boot: nothing there, a QEMU that dies, a lab taken away."""

from __future__ import annotations

from pathlib import Path

import pytest

from guesthouse.errors import LabError
from guesthouse.lab import boot, lab, process, state
from guesthouse.lab.disks import run
from guesthouse.lab.host import LabHost
from guesthouse.lab.ports import free_ports
from guesthouse.lab.state import Folder, Record


def silent(_: str) -> None:
    """Progress that nobody reads."""


def prepared(root: Path) -> tuple[Folder, Record]:
    """A lab whose host image is a disk beside a file that is no kernel."""
    folder = Folder(root)
    folder.lab.mkdir(parents=True)
    image = root / "image"
    image.mkdir()
    run("qemu-img", "create", "-q", "-f", "qcow2", image / "host.qcow2", "1M")
    for name in ("vmlinuz", "initrd"):
        (image / name).write_bytes(b"no kernel")
    host = LabHost(name="h1", number=1, ssh_port=free_ports(1)[0], host_key="ssh-ed25519 A")
    record = Record(accelerator="tcg", hosts=(host,), host_image=str(image), images=())
    state.write_ssh_config(folder, record.hosts)
    state.save(folder.state, record.text())
    return folder, record


def test_no_lab_is_no_error(tmp_path: Path) -> None:
    assert lab.status(tmp_path) is None
    assert lab.endpoints(tmp_path) == ()
    assert lab.down(tmp_path, silent) is False
    assert list(tmp_path.iterdir()) == []


def test_a_qemu_that_dies_is_told_at_once_with_its_words(tmp_path: Path) -> None:
    """The kernel is none: QEMU ends before it boots."""
    folder, record = prepared(tmp_path)
    host = record.hosts[0]
    boot.start(folder, host, record, silent)
    with pytest.raises(LabError) as caught:
        boot.wait_ready(folder, host, silent)
    text = str(caught.value)
    assert text.startswith("host h1: QEMU ended after ")
    assert "linux kernel too old" in text
    assert text.endswith("the whole log is in that file; `guesthouse lab down` clears the lab")
    status = lab.status(tmp_path)
    assert status is not None
    assert not status.running
    assert status.hosts[0].pid == 0


def test_an_interrupted_start_ends_what_it_started(tmp_path: Path) -> None:
    folder, record = prepared(tmp_path)
    host = record.hosts[0]
    argv = ["sleep", "60"]
    with pytest.raises(KeyboardInterrupt), lab.ended_on_failure(folder, silent) as started:
        started.append(host)
        running = process.start(argv, folder.lab, folder.lab / "log", folder.lab / host.pidfile)
        raise KeyboardInterrupt
    assert not running.alive()
    assert not (folder.lab / host.pidfile).exists()


def test_a_lost_image_is_told_before_anything_starts(tmp_path: Path) -> None:
    folder, record = prepared(tmp_path)
    lost = Record(record.accelerator, record.hosts, str(tmp_path / "gone"), ())
    with pytest.raises(LabError) as caught:
        boot.start(folder, record.hosts[0], lost, silent)
    assert str(caught.value) == (
        f"host h1: its image {tmp_path / 'gone'} is gone\n"
        "  hint: run `guesthouse lab down`, then `guesthouse lab up`"
    )


def test_down_removes_the_lab_and_only_the_lab(tmp_path: Path) -> None:
    folder, record = prepared(tmp_path)
    lab.publish(folder, record)
    (tmp_path / ".guesthouse" / "passphrase").write_text("kept")
    running = process.start(
        ["sleep", "60"], folder.lab, folder.lab / "log", folder.lab / record.hosts[0].pidfile
    )
    said: list[str] = []
    assert lab.down(tmp_path, said.append) is True
    assert said == ["host h1: stopping"]
    assert not running.alive()
    assert [p.name for p in (tmp_path / ".guesthouse").iterdir()] == ["passphrase"]
