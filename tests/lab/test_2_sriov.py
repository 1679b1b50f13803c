"""Virtual functions under running guests: changed, counted anew, broken by hand, put right.

The guest `near` on p1 and the guest `remote` on p2 have one each, in VLAN 42 of the wire between
the hosts' emulated 82576 cards.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from lab_project import Edit, LabProject, pinged

from guesthouse.lab.host import EMULATED

KIND = EMULATED

CARD = "/sys/bus/pci/devices/0000:01:00.0"
PEERS = {"near": "10.91.0.15", "remote": "10.91.0.14"}
DEFAULTS = "defaults: {max_tx_mbps: 500}\n        "
FIXED = 'fixed: {"0": {mac: "52:54:00:6c:f0:01", vlan: 42, qos: 3}}'
COUNT = "virtual_functions: 4\n        "
ALLOW = "allow: [link_loss]\n        "


def vfs(lab: LabProject, host: str = "p1") -> list[dict[str, Any]]:
    """The virtual functions as ip-link(8) tells them."""
    (link,) = json.loads(lab.host("ip -j -d link show dev enp1s0", name=host))
    return list(link["vfinfo_list"])


def boot_id(lab: LabProject, guest: str = "near") -> str:
    return lab.boot_id(guest)


def reaches(lab: LabProject, guest: str) -> bool:
    """Whether the other host's guest answers over the virtual functions."""
    return bool(lab.guest(guest, pinged(f"sudo -n ping -I data0 {PEERS[guest]}")))


def mac(lab: LabProject, guest: str) -> str:
    return lab.guest(guest, "cat /sys/class/net/data0/address").strip()


def test_many_checks_are_of_virtual_functions(deployed: LabProject) -> None:
    places = ("physical_functions", "networks.vf", "nics.data0")
    found = [f for f in deployed.findings() if any(place in f["path"] for place in places)]
    assert len(found) >= 30
    assert {f["status"] for f in found} == {"passed"}
    assert reaches(deployed, "near") and reaches(deployed, "remote")


def test_attributes_are_set_and_set_back_when_they_go(deployed: LabProject, edit: Edit) -> None:
    boot = boot_id(deployed)
    other = "defaults: {max_tx_mbps: 300, trust: true, spoof_check: false}\n        "
    edit(DEFAULTS + FIXED, other + FIXED.replace("vlan: 42", "vlan: 43"))
    said = deployed.said()
    for change in (
        "VF 0-3 max_tx 500 -> 300 Mbit/s",
        "VF 0-3 trust no -> yes",
        "VF 0-3 spoof_check yes -> no",
        "VF 0 vlan 42 -> 43",
    ):
        assert f"{change} (live)" in said
    deployed.guesthouse("up", "lab", "--yes")
    seen = vfs(deployed)
    assert [(v["trust"], v["spoofchk"], v["rate"]["max_tx"]) for v in seen] == [
        (True, False, 300)
    ] * 4
    assert [v["vlan_list"][0].get("vlan", 0) for v in seen] == [43, 42, 0, 0]
    edit(DEFAULTS + FIXED, 'fixed: {"0": {}}')
    deployed.guesthouse("up", "lab", "--yes")
    seen = vfs(deployed)
    assert [(v["trust"], v["spoofchk"], v["rate"]["max_tx"]) for v in seen] == [
        (False, True, 0)
    ] * 4
    assert [v["vlan_list"][0].get("vlan", 0) for v in seen] == [0, 42, 0, 0]
    deployed.is_steady()
    assert reaches(deployed, "near") and boot_id(deployed) == boot


def _set(vf: dict[str, Any]) -> tuple[bool, bool, int]:
    return vf["trust"], vf["spoofchk"], vf["rate"]["max_tx"]


def test_another_number_names_who_loses_the_link_and_brings_it_back(
    deployed: LabProject, edit: Edit
) -> None:
    boot, address = boot_id(deployed), mac(deployed, "near")
    here = COUNT + DEFAULTS + FIXED
    edit(here, here.replace("functions: 4", "functions: 6"))
    why = "all go for a moment, those of guest near too"
    refused = f"virtual functions 4 -> 6 (link_loss: {why}) is not allowed"
    assert refused in deployed.refused()
    assert deployed.run("up", "lab", "--yes").returncode != 0
    assert len(vfs(deployed)) == 4 and reaches(deployed, "near")
    for count in (6, 4):
        edit(here, here.replace("functions: 4\n        ", f"functions: {count}\n        {ALLOW}"))
        deployed.guesthouse("up", "lab", "--yes")
        seen = vfs(deployed)
        assert len(seen) == count
        assert [(v["address"], v["vlan_list"][0].get("vlan", 0)) for v in seen[:2]] == [
            ("52:54:00:6c:f0:01", 42),
            (address, 42),
        ]
        assert reaches(deployed, "near")
    assert (boot_id(deployed), mac(deployed, "near")) == (boot, address)
    deployed.is_steady()


@pytest.mark.long
def test_a_guest_moves_to_another_vlan_and_back(deployed: LabProject, edit: Edit) -> None:
    boot = boot_id(deployed)
    nic = "data0: {network: vf, vlan: 42, address: 10.91.0.14/24}"
    other = (nic, nic.replace("42", "44"))
    edit(*other)
    assert "NIC data0 VLAN 42 -> 44 (link_loss) is not allowed" in deployed.refused()
    permission = ("    host: p1\n", "    host: p1\n    allow: [link_loss]\n")
    edit(*other, *permission)
    deployed.guesthouse("up", "lab", "--yes")
    assert vfs(deployed)[1]["vlan_list"][0]["vlan"] == 44
    assert not reaches(deployed, "near")
    edit(*permission)
    deployed.guesthouse("up", "lab", "--yes")
    assert reaches(deployed, "near") and boot_id(deployed) == boot


DRIFTS = (
    ("ip link set enp1s0 vf 2 trust on", "VF 2 trust yes -> no (live)"),
    ("ip link set enp1s0 vf 3 spoofchk off", "VF 3 spoof_check no -> yes (live)"),
    ("ip link set enp1s0 vf 2 max_tx_rate 100", "VF 2 max_tx 100 -> 500 Mbit/s (live)"),
    ("ip link set enp1s0 vf 0 vlan 77", "VF 0 vlan 77 -> 42 (live)"),
    ("ip link set enp1s0 vf 0 mac 52:54:00:00:00:98", "VF 0 mac 52:54:00:00:00:98 -> "),
    ("ip link set enp1s0 vf 1 vlan 7", "VF 1 strays near has VLAN 7, not 42 -> none (live)"),
    ("virsh -q net-autostart vf --disable", "autostart off -> on (live)"),
    ("sed -i s/=4/=2/ /etc/systemd/network/*pf-fast.link", "p1-fast update [diff: ~files,vfs]"),
)


def test_what_somebody_changed_by_hand_is_seen_and_put_right(deployed: LabProject) -> None:
    boot = boot_id(deployed)
    for command, _ in DRIFTS:
        deployed.host(command)
    result = deployed.run("preview", "lab", "--refresh")
    told = result.stdout + result.stderr
    assert [said for _, said in DRIFTS if said not in told] == []
    deployed.guesthouse("up", "lab", "--yes", "--refresh")
    deployed.is_steady()
    assert reaches(deployed, "near") and boot_id(deployed) == boot


def test_networkd_reloaded_leaves_the_guests_virtual_functions_alone(deployed: LabProject) -> None:
    before = vfs(deployed)
    deployed.host(
        "networkctl reload; networkctl reconfigure enp1s0; systemctl restart systemd-networkd"
    )
    time.sleep(5)
    assert vfs(deployed) == before
    assert reaches(deployed, "near")


@pytest.mark.long
def test_virtual_functions_taken_away_by_hand_come_back_to_their_guests(
    deployed: LabProject,
) -> None:
    boot, address = boot_id(deployed, "remote"), mac(deployed, "remote")
    driver = "/sys/bus/pci/drivers/igb"
    for command in (
        f"echo 0 >{CARD}/sriov_numvfs; echo 2 >{CARD}/sriov_numvfs",
        f"echo 0000:01:00.0 >{driver}/unbind; sleep 2; echo 0000:01:00.0 >{driver}/bind; sleep 5",
    ):
        deployed.host(command, name="p2")
        told = deployed.run("preview", "lab", "--refresh")
        assert "NIC data0 added (live)" in told.stdout + told.stderr
        deployed.guesthouse("up", "lab", "--yes", "--refresh")
        assert reaches(deployed, "remote")
        assert vfs(deployed, "p2")[1]["address"] == address == mac(deployed, "remote")
    assert boot_id(deployed, "remote") == boot
    deployed.is_steady()


def test_a_host_that_was_booted_again_is_as_declared(deployed: LabProject) -> None:
    before, boot = vfs(deployed, "p2"), boot_id(deployed, "remote")
    first = deployed.host("cat /proc/sys/kernel/random/boot_id", name="p2")
    accuracy = "--timer-property=AccuracySec=100ms"
    deployed.host(f"systemd-run --on-active=1 {accuracy} systemctl reboot", name="p2")
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        time.sleep(5)
        told = deployed.run("lab", "ssh", "p2", "--", "cat", "/proc/sys/kernel/random/boot_id")
        if told.returncode == 0 and told.stdout not in ("", first):
            break
    # sshd is there before the rest of the host is.
    while deployed.run("verify", "lab").returncode and time.monotonic() < deadline:
        time.sleep(5)
    deployed.guesthouse("verify", "lab")
    told_now = vfs(deployed, "p2")
    assert [_declared(v) for v in told_now] == [_declared(v) for v in before]
    assert boot_id(deployed, "remote") != boot
    assert reaches(deployed, "remote")


def _declared(vf: dict[str, Any]) -> dict[str, Any]:
    """Without the MAC of those that nobody has: the card's driver makes it up."""
    free = not re.match(r"52:", vf["address"])
    return {**vf, "address": ""} if free else vf
