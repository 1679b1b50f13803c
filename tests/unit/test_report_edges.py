"""Odd words, many virtual functions, resources that are not ours, folders that are gone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from report_case import step

import cases
from guesthouse.cli import report
from guesthouse.errors import Problem, SetupError
from guesthouse.report import Outcome, read_events
from guesthouse.report.gone import add_gone
from guesthouse.report.markdown import _code, escaped, markdown
from guesthouse.report.present import present_hosts
from guesthouse.report.review import review
from guesthouse.report.svg import svg
from guesthouse.report.topology import Card, Guest, Host, Mark, Nic, Topology, Wire


def test_words_of_users_are_words() -> None:
    assert escaped("a|b <img> @team #1 [x](y) *b* _i_ link_loss\n c") == (
        "a&#124;b &#60;img> @&#8203;team &#35;1 &#91;x&#93;(y) &#42;b&#42; &#95;i&#95; link_loss c"
    )
    assert escaped("a\r/approve") == "a /approve", "no line of its own, which would be a command"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a <b> @c\r\nd", "`a <b> @c d`"),
        ("a`b", "``a`b``"),
        ("a``b", "```a``b```"),
        ("`a", "`` `a ``"),
    ],
)
def test_code_ends_where_it_should(text: str, code: str) -> None:
    assert _code(text) == code


@pytest.mark.parametrize("total", [4, 63, 256])
def test_all_virtual_functions_are_within_their_card(total: int) -> None:
    host = Host("h1", cards=(Card("fast", "nic enp1s0", total),))
    cells = re.findall(
        r'<rect class="free" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"',
        svg(Topology("t", (host,))),
    )
    ends = [float(x) + float(width) for x, width in cells]
    assert len(ends) == total
    assert max(ends) < 590, "the card is 600 wide, and its boxes end before that"


def test_many_networks_leave_room_for_guests() -> None:
    count = 60
    wires = tuple(Wire(f"bridge b{n}", f"lan{n}", "bridge") for n in range(count))
    nics = [(Nic("n", wire.key),) for wire in wires]
    guests = tuple(Guest(f"g{n}", 1, 1, "running", nics=nic) for n, nic in enumerate(nics))
    made = svg(Topology("t", (Host("h1", wires=wires, guests=guests),)))
    boxes = re.findall(r'<rect class="box" x="(\d+)" y="\d+" width="(\d+)"', made)
    assert set(boxes) == {("216", "370")}
    assert len(set(re.findall(r'<path d="M([\d.]+) \d+V', made))) == count


def test_words_in_pictures_are_words() -> None:
    odd = '<a href="x">&'
    nic = Nic(odd, "network n", odd)
    guest = Guest(odd, 1, 1, odd, ((odd, "1", odd),), (nic,), (odd,))
    wires = (Wire("network n", odd, "nat", odd),)
    host = Host(odd, None, None, wires, (Card(odd, odd, 1),), ((odd, odd),), (guest,))
    kinds = {"host": odd, "network": odd, "physical function": odd, "guest": ""}
    marks = {(kind, where, odd): Mark("live", odd) for kind, where in kinds.items()}
    root = ElementTree.fromstring(svg(Topology(odd, (host,), marks)))  # noqa: S314
    assert {element.tag.rpartition("}")[2] for element in root.iter()}.isdisjoint({"a"})
    whole = "".join(root.itertext())
    assert whole.count(odd) >= 14


def test_a_network_that_somebody_defined_by_hand_has_no_prefix() -> None:
    xml = "<network><forward mode='nat'/><ip address='10.0.0.1'/></network>"
    values = {"connection": {"name": "h1"}, "name": "n", "network_xml": xml}
    found = {"urn": "u::h1-n", "type": "guesthouse:index:Network", "inputs": values, "outputs": {}}
    (host,) = present_hosts([found], None)
    assert [wire.detail for wire in host.wires] == ["nat"]


def test_what_a_replacement_left_and_what_is_about_to_go_are_told_apart() -> None:
    lines = [step("Image", "i", op="create-replacement"), step("Image", "i", op="update")]
    (subject,) = review("s", read_events(lines), Outcome.OK).subjects
    assert (subject.action, subject.effect.word) == ("replaced", "replace")
    there = {"urn": "u::a", "type": "guesthouse:index:Guest"}
    state = {"resources": [there, {**there, "urn": "u::b", "delete": True}]}
    assert [found["urn"] for found in read_events([]).state(state)] == ["u::a"]


def test_what_is_only_for_the_display_of_the_moment_is_not_said() -> None:
    said = {"severity": "warning", "message": "downloading", "ephemeral": True}
    assert read_events([json.dumps({"diagnosticEvent": said})]).said == []


def test_images_stay_and_what_exists_otherwise_is_no_longer_ours() -> None:
    plan = cases.site_plan("everything")
    pool, network = (next(x for x in some if x.existing) for some in (plan.pools, plan.networks))
    made = {
        "guesthouse:index:Image": "h1-fast-gone",
        "libvirt:index/pool:Pool": f"{pool.host}-{pool.name}",
        "guesthouse:index:Network": f"{network.host}-{network.name}",
    }
    events = read_events([])
    add_gone(
        events,
        [{"urn": f"u::{n}", "type": kind, "inputs": {}, "outputs": {}} for kind, n in made.items()],
        plan,
    )
    assert {step.kind for step in events.steps.values()} == {"pool", "network"}


def test_what_is_not_ours_is_told_without_a_look_at_its_values() -> None:
    values = {"connection": "[secret]", "name": "x", "domain_xml": "<a/>"}
    other = "command:remote:Command"
    lines = [step(other, "a", old=values, new={**values, "domain_xml": "<b/>"})]
    lines.append(step(other, "b", op="delete", old=values))
    lines.append(step("pulumi:providers:libvirt", "c", op="delete"))
    found = review("s", read_events(lines), Outcome.OK)
    told = [(s.title, s.action, s.effect.word, s.diffs) for s in found.subjects]
    assert told == [
        ("other resource b", "deleted", "destroys_data", ()),
        ("other resource a", "changed", "none", ()),
    ]
    assert "| **destroys_data** | other resource b | deleted |" in markdown(found, "", ())


def test_a_folder_that_is_gone_is_a_message(tmp_path: Path) -> None:
    def fails() -> None:
        raise SetupError(Problem("x", "is wrong"))

    folder = report.prepare_folder(tmp_path / "review")
    folder.rmdir()
    with pytest.raises(SetupError) as caught:
        report.or_report(folder, "s", fails)  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"{folder / 'report.md'}: cannot be written: no such file or directory"
    )
