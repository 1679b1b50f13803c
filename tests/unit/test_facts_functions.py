"""What the functions of SR-IOV cards carry and who has them: a host told twice, and its table.

The JSON is what iproute2's ipaddress.c (print_vf_stats64) writes.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from checks_case import site_plan

from guesthouse.cli import status as door
from guesthouse.facts import functions as facts
from guesthouse.facts.status import status

RECORDED = (Path(__file__).parent / "recorded_facts" / "status.txt").read_text()
SYSFS = """\
pf nic=enp1s0 pci_address=0000:01:00.0
vf number=0 pci_address=0000:01:10.0 driver=igbvf nic=enp1s0v0
vf number=1 pci_address=0000:01:10.2 driver=vfio-pci nic=
vf number=2 pci_address=0000:01:10.4 driver= nic=

"""
# A guest on a network of virtual functions, one with a USB stick, one whose words try to mislead.
DOMAINS = """\
<domain type='kvm' id='3'>
  <name>web</name>
  <devices>
    <interface type='hostdev' managed='yes'>
      <mac address='52:54:00:aa:bb:01'/>
      <source>
        <address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x2'/>
      </source>
      <address type='pci' domain='0x0000' bus='0x07' slot='0x00' function='0x0'/>
    </interface>
  </devices>
</domain>

<domain type='kvm' id='4'>
  <name>db</name>
  <description>
 == b guests &lt;/domain&gt;
  </description>
  <devices>
    <hostdev mode='subsystem' type='usb'>
      <source>
        <address bus='1' device='16'/>
      </source>
    </hostdev>
  </devices>
</domain>
"""


def stats(count: int, **rx: int) -> dict[str, Any]:
    received = {"bytes": 1000 * count, "packets": 10 * count, **rx}
    return {"rx": received, "tx": {"bytes": 500 * count, "packets": 5 * count, "dropped": 0}}


def links(count: int, card_counts: bool) -> str:
    """ip's answer when ``count`` has been counted by everybody that counts."""
    seen = count if card_counts else 0
    rx = {"bytes": 2000 * seen, "packets": 20 * seen, "multicast": 0, "broadcast": 2 * seen}
    tx = {"tx_bytes": 4000 * seen, "tx_packets": 40 * seen, "dropped": seen}
    zero = {"rx": dict.fromkeys(rx, 0), "tx": dict.fromkeys(tx, 0)}
    mac, vlans = "52:54:00:aa:bb:0", [{"vlan": 42, "qos": 0}]
    vfs = [
        {"vf": 0, "address": f"{mac}0", "vlan_list": [{}], "stats": zero},
        {"vf": 1, "address": f"{mac}1", "vlan_list": vlans, "stats": {"rx": rx, "tx": tx}},
        {"vf": 2, "address": f"{mac}2", "vlan_list": [{}], "stats": zero},
    ]
    pf = {"ifname": "enp1s0", "address": f"{mac}f", "stats64": stats(count, multicast=count)}
    vf = {"ifname": "enp1s0v0", "address": f"{mac}0", "stats64": stats(3 * count, dropped=1)}
    return json.dumps([{**pf, "vfinfo_list": vfs}, vf, {}])


def seen(card_counts: bool = True, old: str = SYSFS, new: str = SYSFS) -> facts.PfStatus:
    """Two looks, two seconds apart."""
    first, second = old + links(100, card_counts), new + links(300, card_counts)
    found = facts.functions(first, second, DOMAINS, lambda a, b: (b - a) / 2)
    assert list(found) == ["enp1s0"]
    return found["enp1s0"]


def test_a_physical_function_has_the_counters_of_its_interface() -> None:
    pf = seen()
    assert (pf.pci_address, pf.mac) == ("0000:01:00.0", "52:54:00:aa:bb:0f")
    assert pf.traffic is not None
    assert pf.traffic.total["receive_bytes"] == 300_000
    assert pf.traffic.per_s["receive_bytes"] == 100_000
    assert pf.traffic.per_s["receive_multicast"] == 100
    # An interface does not count broadcasts.
    assert (pf.traffic.total["receive_broadcast"], pf.traffic.per_s["receive_broadcast"]) == (
        None,
        None,
    )


def test_one_of_the_host_has_the_counters_of_its_own_interface() -> None:
    vf = seen().virtual_functions[0]
    assert (vf.nic, vf.guest, vf.counted_by) == ("enp1s0v0", "", "host")
    assert vf.traffic is not None
    assert vf.traffic.per_s["transmit_bytes"] == 150_000


def test_one_of_a_guest_has_the_counters_of_the_card() -> None:
    vf = seen().virtual_functions[1]
    assert (vf.guest, vf.vlan, vf.mac, vf.counted_by) == ("web", 42, "52:54:00:aa:bb:01", "card")
    assert vf.traffic is not None
    assert vf.traffic.per_s == {
        "receive_bytes": 200_000,
        "transmit_bytes": 400_000,
        "receive_packets": 2000,
        "transmit_packets": 4000,
        "receive_multicast": 0,
        "receive_broadcast": 200,
        "receive_dropped": None,
        "transmit_dropped": 100,
    }


def test_a_card_that_counts_nothing_is_not_believed() -> None:
    vfs = seen(card_counts=False).virtual_functions
    assert [(vf.counted_by, vf.traffic is None) for vf in vfs.values()] == [
        ("host", False),
        ("", True),
        ("", True),
    ]


def test_one_that_nobody_used_on_a_card_that_counts_is_zero() -> None:
    vf = seen().virtual_functions[2]
    assert (vf.driver, vf.counted_by) == ("", "card")
    assert vf.traffic is not None
    assert vf.traffic.per_s["receive_bytes"] == 0


def test_a_card_that_counted_nothing_before_counts_from_then_on() -> None:
    first, second = SYSFS + links(0, True), SYSFS + links(300, True)
    found = facts.functions(first, second, DOMAINS, lambda a, b: (b - a) / 2)
    traffic = found["enp1s0"].virtual_functions[1].traffic
    assert traffic is not None
    assert traffic.per_s["receive_bytes"] == 300_000


def test_one_that_changed_hands_between_the_samples_has_no_rates() -> None:
    taken = SYSFS.replace("driver=igbvf nic=enp1s0v0", "driver=vfio-pci nic=")
    vf = seen(new=taken).virtual_functions[0]
    assert (vf.counted_by, vf.traffic, vf.guest) == ("card", None, "")
    fewer = SYSFS.replace("vf number=1 pci_address=0000:01:10.2 driver=vfio-pci nic=\n", "")
    assert seen(old=fewer).virtual_functions[1].traffic is None


def test_only_pci_addresses_have_holders() -> None:
    assert facts.holders(DOMAINS) == {"0000:01:10.2": "web"}
    assert facts.holders("") == {}


def told(card_counts: bool) -> str:
    """A host's whole answer, with cards."""
    text = RECORDED
    for letter, count in (("a", 100), ("b", 300)):
        uptime = 1000 + count / 100
        part = f"== {letter} functions {uptime} 1\n{SYSFS}{links(count, card_counts)}\n"
        if letter == "b":
            part += f"== b holders {uptime} 1\n{DOMAINS}"
        text = text.replace(f"== {letter} guests", f"{part}== {letter} guests")
    return text


def test_status_has_them_in_its_one_answer() -> None:
    answer = status().parse(told(True))
    assert list(answer.guests) == ["hv1", "db", "hs1", "web"]
    assert answer.physical_functions == {"enp1s0": seen()}
    assert status().parse(RECORDED).physical_functions == {}


def test_the_table_says_who_has_what(capsys: pytest.CaptureFixture[str]) -> None:
    door._print(site_plan(), {"h1": status().parse(told(False))})
    out = capsys.readouterr().out
    lines = [line.split("  ") for line in out[out.index("Functions of") :].splitlines()]
    rows = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert rows[2] == [
        *("enp1s0", "h1", "0000:01:00.0", "52:54:00:aa:bb:0f", "host"),
        *("100.0", "50.0", "1000.0", "500.0", "0.0"),
    ]
    assert rows[3][4:7] == ["host (enp1s0v0)", "300.0", "150.0"]
    assert rows[4] == [
        *("enp1s0 VF 1", "h1", "0000:01:10.2", "52:54:00:aa:bb:01", "42", "guest web"),
        "the card does not count",
    ]
    assert rows[5][-2:] == ["nobody", "the card does not count"]


def test_programs_get_null_for_what_is_not_counted() -> None:
    values = door.values(site_plan(), {"h1": status().parse(told(False))})
    card = json.loads(json.dumps(values))["hosts"]["h1"]["physical_functions"]["enp1s0"]
    assert card["virtual_functions"]["1"]["traffic"] is None
    assert card["virtual_functions"]["1"]["guest"] == "web"
    assert card["traffic"]["per_s"]["transmit_bytes"] == 50_000
    assert card == json.loads(json.dumps(dataclasses.asdict(seen(False))))


def test_the_shell_reads_sysfs(tmp_path: Path) -> None:
    sys = tmp_path / "sys"
    card = sys / "devices/pci0/0000:01:00.0"
    (card / "net/enp1s0").mkdir(parents=True)
    (card / "net/enp1s0/device").symlink_to(card)
    (card / "sriov_numvfs").write_text("3\n")
    (sys / "class/net").mkdir(parents=True)
    (sys / "class/net/enp1s0").symlink_to(card / "net/enp1s0")
    for number, driver in enumerate(("igbvf", "vfio-pci", "")):
        vf = sys / f"devices/pci0/0000:01:10.{2 * number}"
        vf.mkdir()
        (card / f"virtfn{number}").symlink_to(vf)
        if driver:
            (sys / driver).mkdir()
            (vf / "driver").symlink_to(sys / driver)
    (sys / "devices/pci0/0000:01:10.0/net/enp1s0v0").mkdir(parents=True)
    for name, text in {"ip": "echo '[]'", "virsh": 'echo "$4"; echo "== b"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    script = f"{facts.SHELL.replace('/sys/', f'{sys}/')}\nfunctions; echo; holders"
    path = f"{tmp_path}:{os.environ['PATH']}"
    result = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True, env={"PATH": path}
    )
    assert result.stderr == ""
    # The fake virsh says its own command: the list is asked for, and each of its lines.
    assert result.stdout == f"{SYSFS}[]\n\ndumpxml list; dumpxml == b; \n == b\n"
