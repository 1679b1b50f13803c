"""The emulated pair: its machines sit and are wired as promised, its stack is as declared."""

from __future__ import annotations

import pytest
from lab_project import LabProject, pinged
from pings import fastest_ms

from guesthouse.lab.host import EMULATED

KIND = EMULATED

NICS = ("enp0s3", "enp0s4", "enp1s0", "enp2s0")


def test_guests_let_in_as_soon_as_up_has_ended(deployed: LabProject) -> None:
    for guest in ("near", "remote"):
        assert deployed.guest(guest, "hostname") == f"{guest}\n"


def test_all_is_as_declared(deployed: LabProject) -> None:
    deployed.guesthouse("verify", "lab")
    deployed.is_steady()


@pytest.mark.parametrize(("host", "number"), [("p1", "01"), ("p2", "02")])
def test_the_nics_sit_where_the_lab_promises(lab: LabProject, host: str, number: str) -> None:
    names = " ".join(f"/sys/class/net/{nic}/address" for nic in NICS)
    macs = lab.host(f"cat {names}", name=host).split()
    assert macs == [f"52:54:00:6c:0{nic}:{number}" for nic in (1, 2, 3, 4)]


def test_the_hosts_reach_each_other_over_their_trunks(deployed: LabProject) -> None:
    assert deployed.host(pinged("ping 10.90.0.3"), name="p2")
    assert deployed.guest("near", pinged("sudo -n ping 10.90.0.4"))


def rtt_ms(lab: LabProject) -> float:
    """From one guest to the other and back over the hosts' trunks, the fastest of five."""
    return fastest_ms(lab.guest("near", "sudo -n ping -q -c 5 -W 20 10.90.0.15"))


def test_a_trunk_is_slow_and_fast_again(deployed: LabProject) -> None:
    changes = "cat /sys/class/net/enp0s4/carrier_changes"
    before = deployed.host(changes, name="p2")
    deployed.guesthouse("lab", "link", "p2", "up", "--delay-ms", "200")
    try:
        slow = rtt_ms(deployed)
    finally:
        deployed.guesthouse("lab", "link", "p2", "up")
    assert slow >= 400
    assert rtt_ms(deployed) < slow
    assert deployed.host(changes, name="p2") == before
