"""What a host has counted, from one look at a lab host; and the shell that asks."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from metrics_case import RECORDED

from guesthouse.facts.counters import GuestCounters, HostCounters, PoolUse, counters

STATUS = (Path(__file__).parent / "recorded_facts" / "status.txt").read_text()


def test_a_host() -> None:
    host = counters().parse(RECORDED).host
    assert host == HostCounters(
        cpu_s={
            "user": 786.17,
            "nice": 0.0,
            "system": 1091.4,
            "idle": 2283.21,
            "iowait": 3.18,
            "irq": 0.0,
            "softirq": 74.12,
            "steal": 0.0,
        },
        memory_total_bytes=2983756 * 1024,
        memory_available_bytes=1872036 * 1024,
        nics=host.nics,
    )
    assert list(host.nics) == [
        *("enp0s3", "enp0s4", "enp1s0", "enp1s0v0", "enp1s0v2", "enp1s0v3", "enp2s0"),
    ]
    assert host.nics["enp0s4"] == {"receive_bytes": 2386, "transmit_bytes": 6012}


def test_a_guest() -> None:
    guests = counters().parse(RECORDED).guests
    assert list(guests) == ["db", "web"]
    assert guests["db"] == GuestCounters(
        state="running",
        health="healthy",
        reason="its agent answers",
        vcpus=1,
        cpu_s=518.74606,
        vcpu_s={0: {"time": 291.39, "delay": 536.031021056, "wait": 0.0}},
        balloon_bytes={
            "current": 262144 * 1024,
            "maximum": 262144 * 1024,
            "unused": 117984 * 1024,
            "available": 217568 * 1024,
            "usable": 159972 * 1024,
            "rss": 355364 * 1024,
        },
        disks={
            "root": {
                "rd.reqs": 1491,
                "rd.bytes": 61600768,
                "wr.reqs": 161,
                "wr.bytes": 35680256,
                "allocation": 3473408,
                "capacity": 1073741824,
            },
            # The seed has no serial.
            "vdz": {
                "rd.reqs": 38,
                "rd.bytes": 139264,
                "wr.reqs": 0,
                "wr.bytes": 0,
                "allocation": 0,
                "capacity": 1048576,
            },
        },
        nics={
            "52:55:27:57:86:c3": {
                "rx.bytes": 233624,
                "rx.pkts": 1149,
                "rx.drop": 0,
                "tx.bytes": 209284,
                "tx.pkts": 1168,
                "tx.drop": 0,
            }
        },
    )
    assert list(guests["web"].disks) == ["root", "data", "vdz"]


def test_of_a_guest_that_is_off_nothing_is_counted() -> None:
    off = STATUS[STATUS.index("Domain: 'hs1'") : STATUS.index("Domain: 'web'")]
    text = RECORDED.replace("Domain: 'web'", f"{off}Domain: 'web'")
    assert counters().parse(text).guests["hs1"] == GuestCounters(
        state="shut off",
        health="",
        reason="",
        vcpus=1,
        cpu_s=None,
        vcpu_s={},
        balloon_bytes={"current": 512 << 20, "maximum": 512 << 20},
        disks={},
        nics={},
    )


def test_a_reason_has_no_number_that_grows() -> None:
    text = RECORDED.replace("agent answers db", "agent none db").replace(
        "balloon.last-update=1795756174", "balloon.last-update=1795755174"
    )
    db = counters().parse(text).guests["db"]
    assert (db.health, db.reason) == ("hung", "its kernel is not heard any more, no agent")


def test_a_folders_pool_is_what_its_file_system_says() -> None:
    assert counters().parse(RECORDED).pools == {
        "guests": PoolUse(4096 * 5116564, 4096 * (5116564 - 4877214))
    }
    # As libvirt says: a file system that does not answer, a pool that is no folder.
    told = {"guests": PoolUse(20957446144, 969908224)}
    silent = RECORDED.replace("fs 4096 5116564 4877214 /srv", "fs  /srv")
    logical = RECORDED.replace("<pool type='dir'>", "<pool type='logical'>")
    assert counters().parse(silent).pools == counters().parse(logical).pools == told


def test_virtual_functions_have_what_is_counted() -> None:
    vfs = counters().parse(RECORDED).physical_functions["enp1s0"].virtual_functions
    assert [(vf.guest, vf.counted_by, vf.traffic is not None) for vf in vfs.values()] == [
        ("", "host", True),
        ("db", "", False),
        ("", "host", True),
        ("", "host", True),
    ]


VIRSH = """\
case "$*" in
  *"pool-list --uuid"*) printf 'u1\\nu2\\n\\n' ;;
  *pool-dumpxml*) echo "asked $4" >&2
    echo "== b lies"
    printf '  <target>\\n    <path>%s</path>\\n  </target>\\n' "$FOLDER/a b" /gone ;;
  *"list --uuid"*) echo g1 ;;
  *dumpxml*) echo "<domain>"; echo "== b lies" ;;
  *"list --name"*) printf 'mute\\n' ;;
  *qemu-agent-command*) exec sleep 30 ;;
  *domstats*) echo "Domain: 'mute'" ;;
esac
"""


def test_the_shell_asks_in_few_calls_and_waits_for_no_agent(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "virsh").write_text(f"#!/bin/sh\n{VIRSH}")
    (tmp_path / "virsh").chmod(0o755)
    command = counters().command.replace("agents timeout 4", "agents timeout 0.2")
    assert command != counters().command
    run = subprocess.run(
        ["sh", "-c", command],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "FOLDER": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert "asked pool-dumpxml u1; pool-dumpxml u2; \n" in run.stderr
    marks = [line.split()[2] for line in run.stdout.splitlines() if line.startswith("== ")]
    assert marks == ["time", "functions", "guests", "agents", "pools", "holders"]
    ours, gone = (line.split() for line in run.stdout.splitlines() if line.startswith("fs "))
    assert (len(ours), ours[4:], gone) == (6, [f"{tmp_path}/a", "b"], ["fs", "/gone"])
    assert run.stdout.count("\n == b lies\n") == 2
