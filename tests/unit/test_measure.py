"""`guesthouse measure`: what is measured, what is said of it; with programs that play machines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from measure_case import LOGIN, Machines, guest, opened
from test_facts_iperf import REFUSED
from test_session import is_gone

from guesthouse.cli.app import run
from guesthouse.cli.lanes import Lane, lanes
from guesthouse.cli.throughput import Result, _on_its_way, compared
from guesthouse.errors import MachineError, SiteError
from guesthouse.facts import iperf
from guesthouse.facts.iperf import Round
from guesthouse.facts.question import Question

ALL = [
    "web -> db over lan (virtio bridge)",
    "web -> db over fast (VF)",
    "web -> far over lan (virtio bridge)",
    "db -> far over lan (virtio bridge)",
]


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machines:
    return Machines(tmp_path, monkeypatch)


def test_every_two_guests_on_one_network_are_a_lane() -> None:
    # No login, no lane; and the nat network of another host is another network.
    assert [str(lane) for lane in lanes(opened(), ())] == ALL


def test_named_guests_are_measured_in_that_direction() -> None:
    found = lanes(opened(), ("db", "web"))
    assert [str(lane) for lane in found] == [
        "db -> web over lan (virtio bridge)",
        "db -> web over fast (VF)",
    ]
    assert (found[0].source.address, found[0].target.address) == ("10.9.0.2", "10.9.0.1")
    assert (found[1].source.address, found[1].source.host) == ("", "h1")


def test_guests_of_one_host_share_its_own_networks() -> None:
    found = lanes(opened(a=guest("h1", 1, n0="nat", n1="nat"), b=guest("h1", 2, n0="nat")), ())
    assert [str(lane) for lane in found] == ["a -> b over nat (virtio bridge)"]


def test_virtual_functions_in_other_vlans_share_nothing() -> None:
    def function(number: int, vlan: int) -> dict[str, Any]:
        return {**guest("h1", number), "nics": {"f0": {"network": "fast", "vlan": vlan}}}

    found = lanes(opened(a=function(1, 7), b=function(2, 8), c=function(3, 7)), ())
    assert [str(lane) for lane in found] == ["a -> c over fast (VF)"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("web",), "guesthouse measure: needs two guests, FROM and TO, or none, got web"),
        (("db", "db"), "guesthouse measure: needs two guests, FROM and TO, or none, got db db"),
        (
            ("db", "wbe"),
            "stack unit: no such guest, got 'wbe', allowed 'web', 'db', 'far', 'mute'\n"
            "  hint: did you mean 'web'?",
        ),
        (("web", "mute"), "guest mute: no user has a key"),
    ],
)
def test_names_that_cannot_be_measured(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(SiteError) as caught:
        lanes(opened(), names)
    assert str(caught.value) == message


def test_no_lane_is_a_message() -> None:
    apart = opened(a=guest("h1", 1, n0="nat"), b=guest("h2", 2, n0="nat"))
    with pytest.raises(SiteError) as caught:
        lanes(apart, ())
    assert str(caught.value) == (
        "stack unit: no two guests share a network\n"
        "  hint: a guest counts when a user of it has an ssh key"
    )
    with pytest.raises(SiteError) as caught:
        lanes(apart, ("a", "b"))
    assert str(caught.value) == "stack unit: a and b share no network"


def test_the_table(machines: Machines, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["measure", "unit", "web", "db", "--seconds", "1", "--rounds", "2"]) == 0
    out, err = capsys.readouterr()
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines == [
        "TCP throughput in unit",
        "from on host to on host network path Mbit/s min..max retransmits",
        "web h1 db h1 lan virtio bridge 12530 12530..12530 34",
        "web h1 db h1 fast VF 12530 12530..12530 34",
        "h1: emulated hardware: figures say nothing about real cards",
        "web -> db: VF 12530 Mbit/s, virtio bridge 12530 Mbit/s: 1.00 times the bridge; "
        "the spreads overlap: no difference is shown",
    ]
    assert err.splitlines()[:2] == [
        "2 paths, 2 rounds each: 4 s and some more",
        "web -> db over lan (virtio bridge): round 1 of 2: 12530 Mbit/s",
    ]
    assert len(machines.servers) == 4
    assert all(is_gone(pid) for pid in machines.servers)


def test_programs_get_all_figures(machines: Machines, capsys: pytest.CaptureFixture[str]) -> None:
    machines.runs("web", "db", "far", vendor="Somebody")
    assert run(["measure", "unit", "--seconds", "1", "--rounds", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["stack"], told["seconds"], told["rounds"]) == ("unit", 1, 1)
    assert (told["emulated_hosts"], told["note"]) == ([], "")
    assert len(told["paths"]) == len(ALL)
    assert told["paths"][2] == {
        "from": "web",
        "from_host": "h1",
        "to": "far",
        "to_host": "h2",
        "network": "lan",
        "path": "virtio bridge",
        "mbit_per_s": {
            **dict.fromkeys(("median", "min", "max"), 12529.822),
            "rounds": [12529.822],
        },
        "retransmits": 17,
    }
    assert [(one["from"], one["to"], one["ratio"]) for one in told["compared"]] == [
        ("web", "db", 1.0)
    ]


def test_a_taken_port_is_not_the_end(machines: Machines) -> None:
    (machines.folder / "taken").touch()
    assert run(["measure", "unit", "db", "far", "--rounds", "1"]) == 0
    assert not (machines.folder / "taken").exists()


def test_a_lane_that_fails_does_not_disturb_the_others(
    machines: Machines, capsys: pytest.CaptureFixture[str]
) -> None:
    (machines.folder / "client.json").write_text(REFUSED)
    assert run(["measure", "unit", "db", "far", "--json"]) == 3
    out, err = capsys.readouterr()
    what = (
        "db -> far over lan (virtio bridge): iperf3: unable to connect to server: "
        "Connection refused"
    )
    assert json.loads(out)["paths"][0]["error"] == what
    assert err.endswith(f"error: {what}\n")
    assert all(is_gone(pid) for pid in machines.servers)


def test_ctrl_c_leaves_no_server(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_output: str) -> Round:
        raise KeyboardInterrupt

    question = Question("true", interrupted)
    monkeypatch.setattr(iperf, "client", lambda *_ends: question)
    assert run(["measure", "unit", "db", "far"]) == 130
    assert len(machines.servers) == 1
    assert is_gone(machines.servers[0])


def test_guests_that_are_off(machines: Machines, capsys: pytest.CaptureFixture[str]) -> None:
    machines.runs("web", "db")
    assert run(["measure", "unit", "web", "far"]) == 3
    off = "guest far: does not run on host h2\n  hint: run: guesthouse up unit\n"
    assert capsys.readouterr().err == f"error: {off}"
    assert run(["measure", "unit", "--rounds", "1"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("guest far does not run: left out\n")
    assert " far " not in out
    machines.runs()
    assert run(["measure", "unit"]) == 3
    assert capsys.readouterr().err.count("does not run on host") == 3


def test_guests_without_iperf3_are_all_named(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parse = iperf.guest().parse
    monkeypatch.setattr(iperf, "guest", lambda: Question("echo; cat ip.json", parse))
    assert run(["measure", "unit", "web", "db"]) == 3
    hint = "  hint: add it to cloud_init.packages (or install it there by hand)\n"
    assert capsys.readouterr().err == "".join(
        f"error: guest {name}: has no iperf3\n{hint}" for name in ("web", "db")
    )


def test_a_nic_without_address_is_a_message(
    machines: Machines, capsys: pytest.CaptureFixture[str]
) -> None:
    (machines.folder / "ip.json").write_text("[]")
    assert run(["measure", "unit", "web", "db", "--rounds", "1"]) == 3
    assert capsys.readouterr().err.endswith(
        "error: web -> db over fast (VF): network: they have no addresses of one kind there, "
        "got web: none, db: none\n"
    )


def result(lane: Lane, *speeds: float, again: int | None = 1) -> Result:
    return Result(lane, tuple(Round(speed, 1000, again, {}) for speed in speeds))


def test_the_two_paths_of_two_guests_are_compared() -> None:
    bridge, vf, *_ = lanes(opened(), ())
    slow, fast = result(bridge, 50, 40.04, 90), result(vf, 200, 100, 300)
    (comparison,) = compared([slow, fast, Result(bridge, error=MachineError())])
    assert str(comparison) == (
        "web -> db: VF 200 Mbit/s, virtio bridge 50.0 Mbit/s: 4.00 times the bridge"
    )
    assert comparison.values()["spreads_overlap"] is False
    assert slow.row()[-3:] == ("50.0", "40.0..90.0", "3")
    assert result(vf, 1, again=None).row()[-1] == "not told"
    (faster,) = compared([fast, result(bridge, 0), slow])
    assert faster.bridge is slow
    (standstill,) = compared([fast, result(bridge, 0)])
    assert str(standstill) == "web -> db: VF 200 Mbit/s, virtio bridge 0.0 Mbit/s"
    assert list(compared([slow])) == []


def test_bytes_that_took_another_way_are_no_figure() -> None:
    _, vf, *_ = lanes(opened(), ())
    carried: dict[str, Any] = {vf.source.mac: 10, "52:54:00:00:00:77": 2000}
    with pytest.raises(MachineError) as caught:
        _on_its_way(vf.source, carried, Round(1, 1000, 0, {}))
    assert str(caught.value) == (
        f"guest web: the bytes did not take its NIC {vf.source.mac} but 52:54:00:00:00:77\n"
        "  hint: give each of its networks a subnet of its own"
    )
    _on_its_way(vf.source, {vf.source.mac: 1100}, Round(1, 1000, 0, {}))


def test_a_login_is_by_key() -> None:
    by_word = {"users": {"admin": {"password": {"secret": "word"}}}}
    two = [{**guest("h1", n, l0="lan"), "cloud_init": by_word} for n in (1, 2)]
    three = {**guest("h1", 3, l0="lan"), "cloud_init": LOGIN}
    with pytest.raises(SiteError):
        lanes(opened(a=two[0], b=two[1], c=three), ())
