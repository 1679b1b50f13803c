"""Texts that go into other languages: what a site file may not say, and twins that it may."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from test_model_shape import BASE

import cases
from guesthouse import render
from guesthouse.effects import Effect
from guesthouse.effects.compare import domain_changes
from guesthouse.effects.room import Room
from guesthouse.errors import SiteError
from guesthouse.model import parse_site
from guesthouse.placement import plan

LINE = "one line of text without control characters"
TEXT = "text without control characters"
KEY = "ssh-ed25519 AAAA "
KEY_FORM = "an ssh public key, as 'ssh-ed25519 AAAA... comment'"
# Place -> what stands before the text, what is allowed.
LINES = {
    "hosts.h.identity_file": ("/id", "a path without quotes and backslashes"),
    "images.i.source": ("/image", LINE),
    "guests.g.cloud_init.users.u.shell": ("/bin/sh", LINE),
    "guests.g.cloud_init.users.u.ssh_keys": (KEY, KEY_FORM),
    "pools.p.path": ("/srv", "an absolute path"),
    "hosts.h.physical_functions.f.alias": ("a", "a name without blanks and '/'"),
    "hosts.h.libvirt_uri": ("test:///a", "libvirt's test driver, as test:///default"),
}
TEXTS = {
    "guests.g.description": ("web", TEXT),
    "guests.g.cloud_init.runcmd": ("true", TEXT),
}
# Not at the end, where a blank of any kind is taken away.
HOSTILE = ["\r", "\x1b[2J", "\x00", "\x07", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\u202e"]
HOSTILE += ["\u2066", "\u200f", "\u061c", "\x0b", "\x0c", "\uffff"]
BREAKS = ["\n", "\t"]
LISTS = ("ssh_keys", "runcmd")


def changed(path: str, value: Any) -> dict[str, Any]:
    """BASE with a value at a dotted path."""
    raw = copy.deepcopy(BASE)
    raw["hosts"]["h"]["physical_functions"] = {"f": {"virtual_functions": "1", "nic": "eth1"}}
    *parents, last = path.split(".")
    node = raw
    for part in parents:
        node = node[part]
    node[last] = [value] if last in LISTS else value
    return raw


def said(raw: dict[str, Any]) -> str:
    try:
        parse_site(raw)
    except SiteError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("place", [*LINES, *TEXTS])
def test_what_is_not_seen_is_refused(place: str) -> None:
    before, allowed = (LINES | TEXTS)[place]
    where = f"{place}.0" if place.endswith(LISTS) else place
    where += ".key" if place.endswith("ssh_keys") else ""
    for text in [*HOSTILE, *(BREAKS if place in LINES else ())]:
        value = f"{before}{text}z"
        assert said(changed(place, value)) == (
            f"{where}: does not have the right form, got {value!r}, allowed {allowed}"
        )
    assert said(changed(place, f"{before}-z")) == "", "the control"


@pytest.mark.parametrize("place", TEXTS)
def test_a_text_has_lines(place: str) -> None:
    assert said(changed(place, "one\n\ttwo größer 日本 😀 \ufeff\xa0")) == ""


ADDRESS = "a host's name or IP address"
ADDRESSES = [
    "10.0.0.1\n  ProxyCommand sh -c 'id'",
    "10.0.0.1\r",
    "-oProxyCommand=id",
    "a b",
    "x'$(id)",
    'a"b',
    "a\\b",
    "fe80::1%eth0",
    "{{ a }}",
    "bücher.example",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_a_name_or_an_address(address: str) -> None:
    value = f"{address}z"
    assert said(changed("hosts.h.address", value)) == (
        f"hosts.h.address: does not have the right form, got {value!r}, allowed {ADDRESS}"
    )


def test_a_host_with_colons_is_an_ipv6_address() -> None:
    assert said(changed("hosts.h.address", "host:22")) == (
        "hosts.h.address: does not appear to be an IPv4 or IPv6 address, got 'host:22'"
    )


@pytest.mark.parametrize(
    "address", ["192.0.2.1", "2001:db8::1", "::1", "host_1.Example.org.", "h1", "xn--bcher-kva"]
)
def test_addresses_that_are_good(address: str) -> None:
    assert said(changed("hosts.h.address", address)) == ""


SCOPED = {
    "hosts.h.bridges": ({"br0": {"address": "fe80::1{}/64"}}, "br0.address"),
    "guests.g.nics.n0.gateway": ("fe80::1{}", ""),
    "guests.g.nics.n0.address": ("fe80::2{}/64", ""),
    "guests.g.nics.n0.nameservers": (["fe80::3{}"], "0"),
    "networks.n.subnet": ("fd00::{}/64", ""),
    "networks.n.dhcp_range": ({"start": "fd00::5{}", "end": "fd00::9"}, "start"),
}


def _filled(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, text) for key, item in value.items()}
    return [_filled(v, text) for v in value] if isinstance(value, list) else value.format(text)


@pytest.mark.parametrize("place", SCOPED)
@pytest.mark.parametrize("scope", ["%eth0", "%1\n[Route]\nGateway=10.0.0.1", "%\u2028", "%"])
def test_a_scope_id_is_refused(place: str, scope: str) -> None:
    value, below = SCOPED[place]
    where = ".".join(filter(None, [place, below]))
    text = said(changed(place, _filled(value, scope)))
    assert text.startswith(f"{where}: has a scope id, which only one machine understands, got ")
    assert said(changed(place, _filled(value, ""))) == "", "the control"


@pytest.mark.parametrize("name", ["openssh-client-", "openssh-client+", "a-", "g+", "nano+-", "-a"])
@pytest.mark.parametrize("place", ["hosts.h.packages", "guests.g.cloud_init.packages"])
def test_a_package_is_not_taken_away(place: str, name: str) -> None:
    """apt-get(8): a hyphen behind a name removes it, a plus is stripped."""
    assert said(changed(place, [name])) == (
        f"{place}.0: does not have the right form, got {name!r}, "
        "allowed a Debian package name, without apt's '-' and '+'"
    )


@pytest.mark.parametrize(
    "name", ["openssh-client", "g++", "libstdc++6", "libsigc++-2.0-dev", "0ad"]
)
def test_packages_that_are_good(name: str) -> None:
    assert said(changed("hosts.h.packages", [name])) == ""


def _serials(*names: str) -> list[str]:
    disk = {"pool": "p", "image": "i", "size_gib": "1"}
    site = parse_site(changed("guests.g.disks", dict.fromkeys(names, disk)))
    return [disk.serial for disk in plan(site, "p", "s").guests["g"].disks]


LONG = "postgres-tablespace-"


@pytest.mark.parametrize(
    ("names", "serials"),
    [
        (("root",), ["root"]),
        (
            (f"{LONG}a",),
            [LONG],
        ),
        ((f"{LONG}a", f"{LONG}b"), [LONG, "postgres-ta-362569c7"]),
        ((f"{LONG}a", "root", f"{LONG}b", f"{LONG}c"), [LONG, "root", "", ""]),
    ],
)
def test_serials_are_unique_and_an_existing_disk_keeps_its_own(
    names: tuple[str, ...], serials: list[str]
) -> None:
    found = _serials(*names)
    assert len(set(found)) == len(names)
    assert all(len(serial) <= 20 for serial in found)
    assert [a for a, b in zip(found, serials, strict=True) if b] == [b for b in serials if b]
    assert found == _serials(*names, "one-more-disk", f"{LONG}d")[: len(names)]


def test_a_running_guests_disk_with_another_serial_is_not_pulled_out() -> None:
    """The guest of an earlier version, where two disks had one serial."""
    guest = cases.site_plan("everything").guests["one"]
    first, *rest, last = guest.disks

    def document(serial: str) -> str:
        disks = (replace(first, serial="same"), *rest, replace(last, serial=serial))
        return render.guest_document(replace(guest, disks=disks)).domain_xml

    old, new = document("same"), document("same-2")
    room = Room(8, 1048576, 4194304, 16, 4)
    for changes in (domain_changes(old, new, room, old), domain_changes(new, old, room, new)):
        assert [change.effect for change in changes] == [Effect.RESTART]
    assert domain_changes(old, old, room, old) == []


def _named(first: str, second: str, host: str = "h") -> str:
    raw = copy.deepcopy(BASE)
    guest = raw["guests"].pop("g")
    raw["hosts"]["h2"] = {**raw["hosts"]["h"], "address": "192.0.2.2"}
    raw["pools"]["p"]["hosts"] = ["h", "h2"]
    raw["guests"] = {first: guest, second: {**guest, "host": host}}
    try:
        plan(parse_site(raw), "p", "s")
    except SiteError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("first", "second"), [("web", "web-serial"), ("a-serial-serial", "a-serial")]
)
def test_a_serial_log_is_nobodys_log(first: str, second: str) -> None:
    last, other = max(first, second, key=len), min(first, second, key=len)
    assert _named(first, second) == (
        f"guests.{last}: libvirt's log of it is the serial log of guest '{other}' "
        "on the same host\n"
        "  hint: give one of the two another name or another host"
    )


@pytest.mark.parametrize(
    ("first", "second", "host"),
    [
        ("web", "web-serial", "h2"),
        ("web", "serial", "h"),
        ("web", "web-serial-2", "h"),
        ("-serial"[1:], "x", "h"),
    ],
)
def test_serial_logs_that_are_apart(first: str, second: str, host: str) -> None:
    assert _named(first, second, host) == ""
