"""How busy a host and its guests are, from two samples of a busy lab host."""

from __future__ import annotations

import subprocess
from pathlib import Path

from guesthouse.facts.status import GuestStatus, HostStatus, status

RECORDED = (Path(__file__).parent / "recorded_facts" / "status.txt").read_text()


def test_a_busy_host() -> None:
    assert status().parse(RECORDED).host == HostStatus(
        # 1340 ticks of which none was idle.
        cpu_percent=100.0,
        memory_used_mib=1157,
        memory_total_mib=2911,
        disk_read_bytes_per_s=0.0,
        # 752 sectors of 512 bytes in 4.83 s.
        disk_write_bytes_per_s=79715.1,
        nic_receive_bytes_per_s=703.1,
        nic_transmit_bytes_per_s=2764.0,
    )


def test_its_guests() -> None:
    guests = status().parse(RECORDED).guests
    assert list(guests) == ["hv1", "db", "hs1", "web"]
    assert guests["db"] == GuestStatus(
        state="running",
        vcpus=1,
        # 2.170802 s of CPU in 4.57 s.
        cpu_percent=47.5,
        memory_used_mib=53,
        memory_total_mib=256,
        disk_read_bytes_per_s=217796.1,
        disk_write_bytes_per_s=8962.8,
        nic_receive_bytes_per_s=0.0,
        nic_transmit_bytes_per_s=0.0,
    )
    # No balloon driver has told anything yet: what QEMU holds.
    assert (guests["web"].memory_used_mib, guests["web"].memory_total_mib) == (286, 512)


def test_a_guest_that_is_off_does_nothing() -> None:
    assert status().parse(RECORDED).guests["hs1"] == GuestStatus(
        "shut off", 1, 0.0, 0, 512, 0.0, 0.0, 0.0, 0.0
    )


def test_a_guest_that_appeared_between_the_samples_has_no_rates() -> None:
    first, second = RECORDED.split("== b time")
    without = first[: first.index("Domain: 'db'")] + first[first.index("Domain: 'hs1'") :]
    guest = status().parse(f"{without}== b time{second}").guests["db"]
    assert (guest.state, guest.cpu_percent, guest.disk_read_bytes_per_s) == ("running", 0.0, 0.0)


def test_only_whole_disks_are_summed() -> None:
    def sample(number: int) -> str:
        row = f"1 0 {number} 0 1 0 {number} 0 0 0 0"
        names = ("sda", "sda1", "nvme0n1", "nvme0n1p2", "dm-0", "loop0", "md127", "vdb")
        return "".join(f"disk 8 0 {name} {row}\n" for name in names)

    text = RECORDED
    for letter, number in (("a", 0), ("b", 1000)):
        head, mark, rest = text.partition(f"== {letter} time")
        line, _, rest = rest.partition("\n")
        rest = "\n".join(x for x in rest.split("\n") if not x.startswith("disk") or letter == "a")
        text = f"{head}{mark}{line}\n{sample(number)}{rest}"
    text = "\n".join(x for x in text.split("\n") if " vda " not in x)
    host = status().parse(text).host
    # Three whole disks, 1000 sectors each, in 4.83 s.
    assert host.disk_read_bytes_per_s == round(3 * 1000 * 512 / 4.83, 1)


def test_the_command_is_shell_that_parses() -> None:
    subprocess.run(["sh", "-n", "-c", status(1.5).command], check=True)
