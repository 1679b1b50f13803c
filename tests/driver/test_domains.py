"""libvirt itself, with its driver of pure memory: it takes every domain and forgets nothing of it.

The validate flag makes libvirt check the document against its own RELAX NG too; without it,
unknown elements are dropped in silence.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lxml import etree

import cases
from guesthouse.provider.domain import define as provider_define
from guesthouse.render import guest_document

NODE = Path(__file__).resolve().parent / "node.xml"
ALL = [(case, name) for case in cases.CASES for name in cases.site_plan(case).guests]

# The only values that libvirt may write in another way: element, attribute, ours, its beginning.
EXPANSIONS = {("type", "machine", "q35"): "pc-q35-"}


@pytest.fixture(scope="module")
def connection() -> Iterator[libvirt.virConnect]:
    opened = libvirt.open(f"test://{NODE}")
    yield opened
    opened.close()


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """libvirt prints every error on stderr unless somebody listens."""
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    yield
    libvirt.registerErrorHandler(None, None)


def document(case: str, name: str) -> str:
    """A golden domain document, on a host of the test driver."""
    guest = cases.site_plan(case).guests[name]
    return guest_document(dataclasses.replace(guest, domain_type="test")).domain_xml


def define(connection: libvirt.virConnect, xml: str) -> str:
    """Define a domain and return what libvirt keeps of it; the domain goes away again."""
    domain = connection.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
    try:
        return str(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    finally:
        domain.undefine()


def same_value(tag: str, name: str, ours: str, theirs: str | None) -> bool:
    """Whether a value is as we wrote it, but for the listed expansions."""
    beginning = EXPANSIONS.get((tag, name, ours))
    return theirs == ours or bool(beginning and theirs and theirs.startswith(beginning))


def lost(ours: etree._Element, theirs: etree._Element, path: str = "") -> list[str]:
    """What is in our element and not in theirs: attributes, text, and children in their order."""
    path = f"{path}/{ours.tag}"
    found = [
        f"{path}@{name}: {value!r} became {theirs.get(name)!r}"
        for name, value in ours.attrib.items()
        if not same_value(str(ours.tag), str(name), value, theirs.get(name))
    ]
    if not len(ours) and (ours.text or "").strip() and ours.text != theirs.text:
        found.append(f"{path}: {ours.text!r} became {theirs.text!r}")
    for tag in dict.fromkeys(child.tag for child in ours):
        candidates = theirs.findall(str(tag))
        for child in ours.findall(str(tag)):
            found += _lost_child(child, candidates, path)
    return found


def _lost_child(child: etree._Element, candidates: list[etree._Element], path: str) -> list[str]:
    """Take the first of the candidates that holds the child, and all before it."""
    for index, candidate in enumerate(candidates):
        if not lost(child, candidate, path):
            del candidates[: index + 1]
            return []
    return lost(child, candidates[0], path) if candidates else [f"{path}/{child.tag} is missing"]


@pytest.mark.parametrize(("case", "name"), ALL)
def test_libvirt_takes_the_domain_and_keeps_all_of_it(
    connection: libvirt.virConnect, case: str, name: str
) -> None:
    ours = document(case, name)
    kept = define(connection, ours)
    assert lost(etree.fromstring(ours), etree.fromstring(kept)) == []
    again = define(connection, kept)
    assert lost(etree.fromstring(ours), etree.fromstring(again)) == []


def test_a_case_of_the_test_driver_is_taken_as_it_is(connection: libvirt.virConnect) -> None:
    for made in cases.guest_documents("memory").values():
        define(connection, made.domain_xml)


def test_all_guests_of_a_site_live_side_by_side(connection: libvirt.virConnect) -> None:
    """No two guests of a site have the same name or UUID."""
    for case in cases.CASES:
        names = cases.site_plan(case).guests
        domains = [connection.defineXML(document(case, name)) for name in names]
        assert sorted(connection.listDefinedDomains()) == sorted(names)
        for domain in domains:
            domain.undefine()


def test_libvirt_refuses_what_it_does_not_know(connection: libvirt.virConnect) -> None:
    xml = document("plain", "g1").replace("<devices>", "<devices><teapot/>")
    with pytest.raises(libvirt.libvirtError, match="failed to validate against schema"):
        define(connection, xml)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ("<a><b x='1'/></a>", "<a><c/><b y='2' x='1'/></a>", []),
        ("<a><b/><b/></a>", "<a><b/></a>", ["/a/b is missing"]),
        ("<a><b x='1'/></a>", "<a><b/></a>", ["/a/b@x: '1' became None"]),
        ("<a><b x='1'/><b x='2'/></a>", "<a><b x='2'/><b x='1'/></a>", ["/a/b is missing"]),
        ("<a>t</a>", "<a>T</a>", ["/a: 't' became 'T'"]),
        ("<type machine='q35'/>", "<type machine='pc-q35-10.0'/>", []),
        (
            "<type machine='q35'/>",
            "<type machine='pc-i440fx-10.0'/>",
            ["/type@machine: 'q35' became 'pc-i440fx-10.0'"],
        ),
    ],
)
def test_the_comparison_sees(ours: str, theirs: str, expected: list[str]) -> None:
    assert lost(etree.fromstring(ours), etree.fromstring(theirs)) == expected


NEWEST, HAD, OTHER = "q35", "pc-q35-9.1", "pc-q35-9.2"


@pytest.mark.parametrize(
    ("declared", "was", "becomes"),
    [
        (NEWEST, NEWEST, HAD),
        # No longer pinned: the newest, which is libvirt's to say.
        (NEWEST, HAD, NEWEST),
        (OTHER, NEWEST, OTHER),
        # It runs another one until its next start.
        (OTHER, OTHER, OTHER),
    ],
)
def test_a_guest_keeps_the_version_of_its_machine_and_its_slots(
    connection: libvirt.virConnect, declared: str, was: str, becomes: str
) -> None:
    """However often it is defined, on hosts whose libvirt has a newer one by then."""
    plain = document("plain", "g1")

    def of(machine: str) -> str:
        return plain.replace(f'machine="{NEWEST}"', f'machine="{machine}"')

    old = etree.fromstring(of(HAD))
    slot = etree.SubElement(old.find("devices/disk"), "address", type="pci", slot="0x1b")
    made = provider_define(
        connection, of(declared), "t", etree.tostring(old).decode(), {"domain_xml": of(was)}
    )
    try:
        kept = etree.fromstring(made.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    finally:
        made.undefine()
    assert kept.find("os/type").get("machine") == becomes
    assert kept.find("devices/disk/address").get("slot") == slot.get("slot")
