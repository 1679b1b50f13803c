"""What iperf3 3.12 tells (recorded on loopback), and what machines tell before it runs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from guesthouse.errors import MachineError
from guesthouse.facts import iperf

RECORDED = (Path(__file__).parent / "recorded_facts" / "iperf3.json").read_text()
REFUSED = """\
{
	"start":	{
		"connected":	[],
		"version":	"iperf 3.12"
	},
	"intervals":	[],
	"end":	{
	},
	"error":	"unable to connect to server: Connection refused"
}
"""
VF, LAN = "52:54:00:aa:bb:01", "52:54:00:aa:bb:02"
# The LAN's interface has a VLAN with its MAC; the second look finds one interface more.
LOOKS = (
    f"before {VF.upper()} 100 200 \nbefore {LAN} 10 20 \nbefore {LAN} 1 2 \n",
    f"after {VF} 1100 5200 \nafter {LAN} 40 70 \nafter {LAN} 1 3 \nafter 02:00:00:00:00:01 9 9 \n",
)


def client() -> iperf.Round:
    return iperf.client("10.0.0.1", "10.0.0.2", 50000, 1).parse(LOOKS[0] + RECORDED + LOOKS[1])


def test_a_round_is_what_arrived() -> None:
    assert client() == iperf.Round(
        mbit_per_s=12529.822,
        received_bytes=1569848920,
        retransmits=17,
        sent={VF: 5000, LAN: 50},
    )


def test_a_sender_need_not_tell_retransmits() -> None:
    told = json.loads(RECORDED)
    del told["end"]["sum_sent"]["retransmits"]
    assert iperf.client("a", "b", 1, 1).parse(json.dumps(told)).retransmits is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (REFUSED, "iperf3: unable to connect to server: Connection refused"),
        ("before x 1 2\nTerminated\n", "iperf3: gave no result, got before x 1 2\nTerminated"),
        (RECORDED[:900], "iperf3: gave no result, got "),
    ],
)
def test_no_result_is_an_error(text: str, message: str) -> None:
    with pytest.raises(MachineError) as caught:
        iperf.client("10.0.0.1", "10.0.0.2", 50000, 1).parse(text)
    assert str(caught.value).startswith(message)


def test_what_interfaces_received() -> None:
    assert iperf.carried("".join(LOOKS), "received") == {VF: 1000, LAN: 30}


@pytest.mark.parametrize(
    ("carried", "strays"),
    [
        ({VF: 1000, LAN: 50}, False),
        ({VF: 0, LAN: 1000}, True),
        # A counter that lags, and nobody else who carried them.
        ({VF: 0, LAN: 400}, False),
        # A bridge of the guest on its NIC.
        ({VF: 1000, LAN: 1000}, False),
        ({LAN: 1000}, True),
        ({}, False),
    ],
)
def test_bytes_that_go_another_way(carried: dict[str, int], strays: bool) -> None:
    assert iperf.strays(carried, VF, 1000) is strays


@pytest.mark.parametrize(
    ("about", "emulated"),
    [
        ("sys_vendor QEMU\nproduct_name Standard PC (Q35 + ICH9, 2009)\nigb", True),
        ("sys_vendor Somebody\nproduct_name Standard PC (Q35 + ICH9, 2009)\nigb", True),
        ("sys_vendor Somebody\nproduct_name Standard PC (Q35 + ICH9, 2009)", False),
        ("sys_vendor Dell Inc.\nproduct_name PowerEdge R650\nigb", False),
        ("sys_vendor \nproduct_name ", False),
    ],
)
def test_a_host_tells_who_runs_and_what_it_is(about: str, emulated: bool) -> None:
    fact = iperf.host().parse(f"{about}\nguests\nweb\ndb\n\n")
    assert fact == iperf.HostFact(frozenset({"web", "db"}), emulated)


def test_a_guest_tells_its_addresses_by_mac() -> None:
    links = [
        {"ifname": "lo", "addr_info": [{"local": "127.0.0.1", "scope": "host"}]},
        {
            "ifname": "lan0",
            "address": LAN,
            "addr_info": [
                {"local": "10.9.0.5", "scope": "global"},
                {"local": "fe80::1", "scope": "link"},
            ],
        },
        {
            "ifname": "lan0.7",
            "address": LAN,
            "addr_info": [{"local": "fd00::5", "scope": "global"}],
        },
    ]
    fact = iperf.guest().parse(f"iperf3\n\n{json.dumps(links)}")
    assert (fact.has_iperf3, fact.addresses[LAN]) == (True, ("10.9.0.5", "fd00::5"))
    fact = iperf.guest().parse(f"\n{json.dumps(links)}")
    assert (fact.has_iperf3, fact.addresses[LAN]) == (False, ("10.9.0.5", "fd00::5"))


def test_ends_are_of_one_family() -> None:
    assert iperf.ends(("fd00::1", "10.0.0.1"), ("fd00::2", "10.0.0.2")) == ("10.0.0.1", "10.0.0.2")
    assert iperf.ends(("fd00::1",), ("10.0.0.2", "fd00::2")) == ("fd00::1", "fd00::2")
    assert iperf.ends(("fd00::1",), ("10.0.0.2",)) is None
    assert iperf.ends((), ("10.0.0.2",)) is None


def test_the_commands_are_shell_that_parses() -> None:
    commands = [
        iperf.server("10.0.0.2", 50000),
        iperf.client("10.0.0.1", "10.0.0.2", 50000, 5).command,
        iperf.host().command,
        iperf.guest().command,
    ]
    for command in commands:
        subprocess.run(["sh", "-n", "-c", command], check=True)
