"""A lab host's command line and state files: what the lab promises to site files."""

from __future__ import annotations

import os
from base64 import b64decode
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from guesthouse.errors import LabError
from guesthouse.lab import accelerator, emulated, serial, state
from guesthouse.lab.host import EMULATED, LabHost
from guesthouse.lab.images import Image
from guesthouse.lab.state import Folder, Record

H1 = LabHost("h1", 1, 40022, "ssh-ed25519 AAAAhost", EMULATED, after="h2")
H2 = LabHost("h2", 2, 40023, "ssh-ed25519 AAAAother", EMULATED, before="h1")
RECORD = Record(
    accelerator=accelerator.TCG,
    qemu="/cache/qemu-1/qemu-system-x86_64",
    hosts=(H1, H2),
    host_image="/cache/host-1",
    images=(Image("debian13", Path("/cache/debian13-2"), "d" * 64),),
    one_segment=True,
)


def words(accel: str = accelerator.TCG, of: LabHost = H1, one_segment: bool = False) -> list[str]:
    return emulated.command(
        of, accelerator.QEMU, accel, Path("/i/vmlinuz"), Path("/i/initrd"), one_segment
    )


def netdevs(of: LabHost, one_segment: bool) -> list[str]:
    command = words(of=of, one_segment=one_segment)
    return [value for flag, value in pairwise(command) if flag == "-netdev"][1:]


def test_nics_sit_where_their_names_come_from() -> None:
    """enp0s3 and enp0s4 are slots 3 and 4 of bus 0; PF and spare are each alone behind a port."""
    text = " ".join(words())
    assert "virtio-net-pci,netdev=management,addr=0x3,mac=52:54:00:6c:01:01" in text
    assert "virtio-net-pci,netdev=trunk,addr=0x4,mac=52:54:00:6c:02:01" in text
    assert "igb,netdev=sriov,bus=port1,mac=52:54:00:6c:03:01" in text
    assert "-device e1000e,bus=port2,mac=52:54:00:6c:04:01" in text
    assert "id=port1,slot=1,addr=0x1c" in text and "id=port2,slot=2,addr=0x1d" in text
    assert text.count("pcie-root-port") == 2


PATH = "local.type=unix,local.path={},remote.type=unix,remote.path={}"
# What the host whose hub joins more to the trunk has beside the other.
JOIN = [
    f"dgram,id=join.wire,{PATH.format('h1.join', 'h1.joined')}",
    "hubport,id=join.end,hubid=0,netdev=join.wire",
]


def test_each_wire_is_crossed_between_the_hosts() -> None:
    first = ("after", "h1.{}.after", "h2.{}.before", JOIN)
    for of, (way, near, far, join) in ((H1, first), (H2, ("before", *first[2:0:-1], []))):
        trunk, sriov = (PATH.format(near.format(n), far.format(n)) for n in ("trunk", "sriov"))
        assert netdevs(of, one_segment=False) == [
            "hubport,id=trunk,hubid=2",
            "hubport,id=cord.near,hubid=2",
            "hubport,id=nic.drain,hubid=2",
            "hubport,id=cord.far,hubid=0,netdev=cord.near",
            f"dgram,id=trunk.{way}.wire,{trunk}",
            f"hubport,id=trunk.{way}.end,hubid=0,netdev=trunk.{way}.wire",
            *join,
            "hubport,id=trunk.drain,hubid=0",
            f"dgram,id=sriov.{way}.wire,{sriov}",
            f"hubport,id=sriov.{way}.end,hubid=1,netdev=sriov.{way}.wire",
            "hubport,id=sriov,hubid=1",
            "hubport,id=sriov.drain,hubid=1",
        ]


def test_one_between_two_others_has_a_wire_to_each() -> None:
    middle = replace(H2, after="h3")
    told = [word for word in netdevs(middle, one_segment=False) if word.startswith("dgram,")]
    ways = [("before", "h1.{}.after"), ("after", "h3.{}.before")]
    assert told == [
        f"dgram,id={n}.{way}.wire,{PATH.format(f'h2.{n}.{way}', far.format(n))}"
        for n in ("trunk", "sriov")
        for way, far in ways
    ]
    assert not middle.joins


def test_one_segment_is_a_hub_of_h1_alone() -> None:
    apart, joined = netdevs(H1, one_segment=False), netdevs(H1, one_segment=True)
    assert joined == [value.replace("hubid=1", "hubid=0") for value in apart] != apart
    assert netdevs(H2, one_segment=True) == netdevs(H2, one_segment=False)


def test_only_ssh_on_loopback_is_open_to_this_machine() -> None:
    text = " ".join(words())
    assert text.count("hostfwd=") == 1
    assert "hostfwd=tcp:127.0.0.1:40022-:22" in text
    assert "type=inet" not in text


def test_no_secret_is_on_the_command_line() -> None:
    assert "fw_cfg name=opt/io.systemd.credentials/lab.ssh_host_key,file=h1.host_key" in (
        " ".join(words()).replace("-fw_cfg", "fw_cfg")
    )
    # QEMU refuses longer names.
    names = [w.split(",")[0].removeprefix("name=") for w in words() if w.startswith("name=opt/")]
    assert len(names) == 3
    assert max(map(len, names)) <= 55


@pytest.mark.parametrize(
    ("accel", "cpu"),
    [
        ("kvm", "host,host-phys-bits=off,phys-bits=36"),
        (accelerator.TCG, "max,phys-bits=36,la57=off"),
    ],
)
def test_the_cpu_follows_the_accelerator(accel: str, cpu: str) -> None:
    command = words(accel)
    assert command[command.index("-cpu") + 1] == cpu
    assert command[command.index("-accel") + 1] == accel


def test_emulated_guests_share_one_vcpu_and_the_host_has_the_other() -> None:
    [dropin] = [word for word in words() if "unit-dropin.machine.slice=" in word]
    text = b64decode(dropin.split("slice=")[1]).decode()
    command = words()
    assert command[command.index("-smp") + 1] == "2"
    assert text == "[Slice]\nAllowedCPUs=1\n"
    assert "unit-dropin" not in " ".join(words("kvm"))


def test_two_hosts_never_share_a_mac() -> None:
    assert len({h.mac(nic) for h in (H1, H2) for nic in (1, 2, 3, 4)}) == 8


def test_state_survives_writing_and_reading() -> None:
    assert state.parse(RECORD.text()) == RECORD


@pytest.mark.parametrize("key", ["qemu", "one_segment", "hosts"])
def test_the_record_of_another_version_is_no_record(tmp_path: Path, key: str) -> None:
    folder = Folder(tmp_path)
    state.save(folder.state, RECORD.text())
    assert state.load(folder) == RECORD
    state.save(folder.state, RECORD.text().replace(f'"{key}"', '"other"'))
    with pytest.raises(LabError, match="is not a record of a lab\n  hint: run"):
        state.load(folder)


def test_the_lab_runs_the_qemu_it_was_made_with() -> None:
    files = (Path("/i/vmlinuz"), Path("/i/initrd"))
    assert emulated.command(H1, RECORD.qemu, accelerator.TCG, *files, False)[0] == RECORD.qemu


def test_the_local_site_file_is_yaml_that_names_only_this_machines_part(tmp_path: Path) -> None:
    folder = Folder(tmp_path / 'a "b" #c')
    assert yaml.safe_load(state.local_site_text(folder, RECORD)) == {
        "hosts": {
            "h1": {
                "port": 40022,
                "identity_file": str(folder.key),
                "host_keys": ["ssh-ed25519 AAAAhost"],
            },
            "h2": {
                "port": 40023,
                "identity_file": str(folder.key),
                "host_keys": ["ssh-ed25519 AAAAother"],
            },
        },
        "images": {"debian13": {"source": "/cache/debian13-2/debian13.qcow2", "sha256": "d" * 64}},
    }


def test_the_endpoint_pins_the_hosts_key(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.lab.mkdir(parents=True)
    state.write_ssh_config(folder, RECORD.hosts)
    known = "h1 ssh-ed25519 AAAAhost\nh2 ssh-ed25519 AAAAother\n"
    assert (folder.lab / "known_hosts").read_text() == known
    config = folder.ssh_config.read_text()
    assert "StrictHostKeyChecking yes" in config
    assert "Port 40022" in config and "Port 40023" in config


def test_saving_is_atomic_and_leaves_no_scratch(tmp_path: Path) -> None:
    state.save(tmp_path / "new" / "f", "1")
    state.save(tmp_path / "new" / "f", "2")
    assert [(p.name, p.read_text()) for p in (tmp_path / "new").iterdir()] == [("f", "2")]


def test_a_serial_log_is_shown_without_terminal_control(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert serial.tail(log) == "(no serial output)"
    log.write_bytes(b"one\r\n\x1b[0;1;39mtwo\x1b[0m\r\n\r\n\x1b[6nthree\n")
    assert serial.tail(log, 2) == "two\nthree"


def test_a_kernel_that_does_not_come_up_means_no(tmp_path: Path) -> None:
    """The probe boots for real: 'not a kernel' is QEMU's own answer, a hang is cut off."""
    (tmp_path / "vmlinuz").write_bytes(os.urandom(4096))
    assert not accelerator.boots(tmp_path / "vmlinuz", "tcg", timeout_s=3)


def test_the_probe_asks_the_machine_not_the_device_file(tmp_path: Path) -> None:
    command = accelerator.probe_command(tmp_path / "vmlinuz", accelerator.KVM)
    assert command[command.index("-accel") + 1] == "kvm"
    assert command[command.index("-append") + 1] == "console=ttyS0 panic=-1"
    assert "-no-reboot" in command
