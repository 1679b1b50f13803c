"""Virtual functions in use: documents with holes, NICs that are pulled out and put back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, cast

import pytest
from fake_libvirt import Domain, Host
from test_effects import ROOM
from test_effects_vf import DOCUMENT, LIVE, MAC, STORED, network
from test_sriov import cards

from guesthouse.effects import domain_changes
from guesthouse.effects.units import parse, serialise
from guesthouse.errors import MachineError
from guesthouse.provider import guest_nics, vf_plugs
from guesthouse.provider.live import LiveChange
from guesthouse.provider.network import NetworkResource
from guesthouse.provider.resource import Call
from guesthouse.provider.vf_network import VfNetworkResource, emptied, filled
from guesthouse.provider.vf_plugs import VfPlug, held, unplugged

CARD = cards()[1]
KEY = "00000000-0000-4000-8000-00000000000f"
FILE = f"/var/lib/guesthouse/{KEY}.unplugged.json"
WEB, DB = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2))
# Where the guest of LIVE has its virtual function on the host.
PLACE, OTHER = "0000:01:10.2", "0000:01:10.4"
PLUG = f"""<interface type="network">
  <mac address="{MAC}"/>
  <source network="vf"/>
  <vlan>
    <tag id="42"/>
  </vlan>
</interface>
"""
DB_MAC = "52:00:00:00:00:08"


def web(**more: Any) -> Domain:
    return Domain("web", WEB, LIVE, STORED, **more)


def db(**more: Any) -> Domain:
    texts = (text.replace(MAC, DB_MAC) for text in (LIVE.replace("'0x2'", "'0x4'"), STORED))
    return Domain("db", DB, *texts, **more)


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, set[str]]]]:
    """(guest, MACs) that were configured in their guests; and no guest has two minutes."""
    found: list[tuple[str, set[str]]] = []

    def configure(call: Call, domain: Domain, nics: Any, plugged: set[str]) -> None:
        assert nics == ["declared"]
        found.append((domain.name(), plugged))

    monkeypatch.setattr(guest_nics, "configure", configure)
    monkeypatch.setattr(vf_plugs, "UNPLUG_TIMEOUT_S", 0.1)
    yield found


# Documents with holes


def test_a_networks_document_is_filled_and_emptied() -> None:
    document = network(0, 1)
    told = filled(document, CARD)
    assert [dict(place.attrib) for place in parse(told).iterfind("forward/address")] == [
        {"type": "pci", "domain": "0x0000", "bus": "0x01", "slot": "0x10", "function": function}
        for function in ("0x0", "0x2")
    ]
    assert "@" not in told
    assert emptied(told, CARD) == document


def test_one_of_another_card_stays_as_it_is() -> None:
    foreign = filled(network(0), CARD).replace("0x01", "0x05")
    assert emptied(foreign, CARD) == foreign
    # The card has two: a third one has no address yet.
    assert filled(network(2), CARD) == network(2)


# Who has one


def test_who_has_which() -> None:
    host = Host(web(), db())
    plug = VfPlug("web", WEB, MAC, PLACE, PLUG)
    assert held(host.libvirt, {PLACE}) == [plug]
    assert held(host.libvirt, {PLACE, OTHER}) == [
        plug,
        VfPlug("db", DB, DB_MAC, OTHER, PLUG.replace(MAC, DB_MAC)),
    ]
    assert held(host.libvirt, {"0000:05:10.2"}) == []
    assert vf_plugs.guests(held(host.libvirt, {PLACE, OTHER})) == ["db", "web"]


def test_one_that_is_plugged_in_for_now_only_goes_back_as_it_is() -> None:
    domain = web()
    domain.config = "<domain><devices/></domain>"
    (plug,) = held(Host(domain).libvirt, {PLACE})
    assert [child.tag for child in parse(plug.xml)] == ["mac", "driver", "source", "vlan"]


def test_one_that_is_no_nic_is_not_taken_for_one() -> None:
    device = LIVE.replace("<interface type='hostdev'", "<hostdev mode='subsystem'").replace(
        "</interface>", "</hostdev>"
    )
    assert held(Host(Domain("web", WEB, device, STORED)).libvirt, {PLACE}) == []


def test_one_that_ends_while_it_is_asked_has_none() -> None:
    host = Host(web())
    ending = host.domains[WEB]
    host.libvirt.listAllDomains = lambda flags: [ending]
    ending.active = False
    assert held(host.libvirt, {PLACE}) == []


# Pulled out and put back


class Run:
    """One run of a block between pulling out and putting back."""

    def __init__(self, host: Host, *places: str) -> None:
        self.host, self.said = host, list[str]()
        self.plugs = held(host.libvirt, places)

    def __call__(self, fails: bool = False) -> None:
        call = Call("urn", self.said.append)
        nics: Any = ["declared"]
        with unplugged(call, self.host.connection, KEY, self.plugs, nics):
            self.host.log.append("block")
            if fails:
                raise RuntimeError("block")


def test_written_down_pulled_out_put_back_forgotten(configured: Any) -> None:
    host = Host(web(), db())
    run = Run(host, PLACE, OTHER)
    run()
    assert host.log == [
        "written down",
        f"web pulled {MAC}",
        f"db pulled {DB_MAC}",
        "block",
        f"web put back {MAC}",
        f"db put back {DB_MAC}",
        "file removed",
    ]
    assert run.said == ["pulled out for a moment: db, web"]
    assert configured == [("web", {MAC}), ("db", {DB_MAC})]
    assert host.files == {}


def test_nobody_has_one() -> None:
    host = Host(web())
    run = Run(host)
    run()
    assert (host.log, run.said) == (["block"], [])


def test_a_block_that_fails_leaves_nobody_without() -> None:
    host = Host(web())
    with pytest.raises(RuntimeError, match="block"):
        Run(host, PLACE)(fails=True)
    assert host.log[-2:] == [f"web put back {MAC}", "file removed"]


def test_one_that_does_not_come_back_is_a_problem_and_stays_written_down(configured: Any) -> None:
    host = Host(web(refuses="no VF is free"), db())
    with pytest.raises(MachineError) as caught:
        Run(host, PLACE, OTHER)()
    assert str(caught.value) == (
        f"guest web: its NIC {MAC} is not back, got no VF is free\n  hint: `up` tries again"
    )
    # The other one is, and both are tried again.
    assert configured == [("db", {DB_MAC})]
    assert host.log[-1] == f"db put back {DB_MAC}"
    assert [plug["guest"] for plug in json.loads(host.files[FILE])] == ["web", "db"]


def test_what_an_earlier_run_left_out_is_put_back(configured: Any) -> None:
    domain = web()
    left = VfPlug("web", WEB, MAC, PLACE, PLUG)
    domain.live = "<domain><devices/></domain>"
    host = Host(domain, db())
    host.files[FILE] = json.dumps([asdict(left)])
    run = Run(host, OTHER)
    run()
    assert run.said == ["pulled out for a moment: db, web"]
    assert host.log == [
        "written down",
        f"db pulled {DB_MAC}",
        "block",
        f"web put back {MAC}",
        f"db put back {DB_MAC}",
        "file removed",
    ]
    assert serialise(parse(domain.live).find("devices/interface")) == PLUG
    assert configured == [("web", {MAC}), ("db", {DB_MAC})]


@pytest.mark.parametrize("there", [False, True])
def test_a_guest_that_is_off_or_gone_meanwhile_needs_nothing_back(there: bool) -> None:
    host = Host(*([web(active=False)] if there else []))
    host.files[FILE] = json.dumps([asdict(VfPlug("web", WEB, MAC, PLACE, PLUG))])
    Run(host)()
    assert host.log == ["written down", "block", "file removed"]


def test_one_that_ends_as_it_gets_its_own_back_does_not_keep_the_others_out() -> None:
    host = Host(web(ends=True), db())
    Run(host, PLACE, OTHER)()
    assert host.log[-2:] == [f"db put back {DB_MAC}", "file removed"]


def test_after_an_error_of_the_block_it_is_said_who_is_left_without() -> None:
    host = Host(web(refuses="no VF is free"))
    run = Run(host, PLACE)
    with pytest.raises(RuntimeError, match="block"):
        run(fails=True)
    assert run.said[1:] == [
        f"guest web: its NIC {MAC} is not back, got no VF is free\n  hint: `up` tries again"
    ]
    assert list(host.files) == [FILE]


def test_the_next_run_puts_back_though_the_network_is_as_declared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(NetworkResource, "_bring", lambda *args: None)
    domain = web()
    domain.live = "<domain><devices/></domain>"
    host = Host(domain)
    host.files[FILE] = json.dumps([asdict(VfPlug("web", WEB, MAC, PLACE, PLUG))])
    resource, call = VfNetworkResource(cast(Any, None)), Call("urn", print)
    for _ in range(2):
        resource._bring(call, host.connection, cast(Any, None), {"uuid": KEY, "nics": ["declared"]})
    assert host.log == ["written down", f"web put back {MAC}", "file removed"]


def test_one_that_does_not_let_go_keeps_its_own() -> None:
    host = Host(web(), db(lets_go=False))
    with pytest.raises(MachineError) as caught:
        Run(host, PLACE, OTHER)()
    assert str(caught.value) == (
        f"guest db: does not let go of its NIC {DB_MAC} within 0.1 s\n"
        "  hint: its system must answer requests to unplug; `up` tries again"
    )
    assert "block" not in host.log
    assert host.log[-2:] == [f"web put back {MAC}", "file removed"]


# One guest's own change


def test_another_vlan_is_plugged_anew() -> None:
    domain = web()
    wanted = DOCUMENT.replace('id="42"', 'id="43"')
    changes = domain_changes(DOCUMENT, wanted, ROOM)
    assert guest_nics.plugged_in(changes) == {MAC}
    LiveChange(cast(Any, domain), wanted).apply(changes)
    assert domain.log == [f"web pulled {MAC}", f"web put back {MAC}"]
    assert parse(domain.live).find("devices/interface/vlan/tag").get("id") == "43"
