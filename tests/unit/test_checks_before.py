"""Preflight: what would make an `up` fail is told before anything is touched."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from checks_case import SITE, as_declared, site_plan

from guesthouse.checks import Finding, green
from guesthouse.checks.before import preflight
from guesthouse.facts.capacity import CapacityFact

PLAN = site_plan()
CARDS = as_declared(PLAN).host("h1").cards
assert isinstance(CARDS, tuple)
CARD, FAST = CARDS[0], "hosts.h1.physical_functions.fast"
GOOD = CapacityFact(
    memory_total_mib=3900,
    memory_available_mib=3000,
    vcpus=4,
    arch="x86_64",
    has_kvm=True,
    has_libvirt=True,
    libvirt_version="11.3.0",
    qemu="/usr/bin/qemu-system-x86_64",
    networkd=True,
    apparmor=False,
    nics=frozenset({"eth1"}),
    machines=frozenset({"pc-q35-9.2"}),
    domain_types=frozenset({"kvm", "qemu"}),
    free_bytes={"/srv/guests": 8 << 30, "/srv/old": 8 << 30},
    cards=CARDS,
)
H1, ACCELERATION = "hosts.h1", "hosts.h1.acceleration"
OFFERS = "libvirt offers domains of this type"

# Field, value, then of the one finding that fails: severity, path, what, seen, wanted.
ROWS: tuple[tuple[str, Any, str, str, str, str, str], ...] = (
    (
        "memory_total_mib",
        3000,
        "error",
        f"{H1}.memory_mib",
        "host has the declared memory",
        "3000 MiB",
        "4096 MiB",
    ),
    ("arch", "aarch64", "error", H1, "host is x86-64", "aarch64", "x86_64"),
    ("has_kvm", False, "error", ACCELERATION, "/dev/kvm can be used", "no", "yes"),
    (
        "domain_types",
        frozenset({"qemu"}),
        "error",
        ACCELERATION,
        OFFERS,
        "of type qemu",
        "of type kvm",
    ),
    ("qemu", "", "error", f"{H1}.packages", "QEMU is installed", "no", "yes"),
    (
        "libvirt_version",
        "",
        "error",
        H1,
        "libvirt answers",
        "no answer on qemu:///system",
        "it answers",
    ),
    ("has_libvirt", False, "error", f"{H1}.packages", "libvirt is installed", "no", "yes"),
    (
        "nics",
        frozenset({"eth0"}),
        "error",
        f"{H1}.bridges.br0.nic",
        "host has the bridge's NIC",
        "no such interface",
        "eth1",
    ),
    (
        "machines",
        frozenset(),
        "error",
        "guests.db.machine",
        "host has the machine type",
        "no such machine type",
        "pc-q35-9.2",
    ),
    (
        "networkd",
        False,
        "warning",
        f"{H1}.bridges",
        "systemd-networkd is active",
        "no",
        "yes",
    ),
    (
        "free_bytes",
        {"/srv/guests": 1 << 30, "/srv/old": 8 << 30},
        "warning",
        "pools.guests.path",
        "the disks can grow to their full size",
        "1.0 GiB free",
        "6.0 GiB",
    ),
    ("cards", (), "error", FAST, "host has this card, once", "none", "driver igb"),
    (
        "cards",
        (CARD, dataclasses.replace(CARD, nic="eth6", pci_address="0000:05:00.0")),
        "error",
        FAST,
        "host has this card, once",
        "eth5, eth6",
        "driver igb",
    ),
    (
        "cards",
        (dataclasses.replace(CARD, total=0),),
        "error",
        f"{FAST}.virtual_functions",
        "card can have so many VFs",
        "eth5 has no SR-IOV",
        "3",
    ),
    (
        "network_manager",
        True,
        "warning",
        f"{H1}.physical_functions",
        "no other network manager takes the VFs",
        "NetworkManager is active",
        "none",
    ),
)


def failed(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.status == "failed"]


def test_a_host_that_can_carry_everything_is_green() -> None:
    findings = preflight(PLAN, {"h1": GOOD})
    assert {finding.status for finding in findings} == {"passed"}
    assert len({finding.id for finding in findings}) == len(findings)


@pytest.mark.parametrize(("field", "value", "severity", "path", "what", "seen", "wanted"), ROWS)
def test_one_lack_is_one_finding(
    field: str, value: Any, severity: str, path: str, what: str, seen: str, wanted: str
) -> None:
    findings = preflight(PLAN, {"h1": dataclasses.replace(GOOD, **{field: value})})
    (found,) = failed(findings)
    assert (found.severity, found.path, found.what) == (severity, path, what)
    assert (found.seen, found.wanted) == (seen, wanted)
    assert found.remedy
    assert green(findings) is (severity == "warning")


def test_guests_that_do_not_fit_into_the_real_memory() -> None:
    host = {k: v for k, v in SITE["hosts"]["h1"].items() if k != "memory_mib"}
    plan = site_plan(hosts={"h1": host})
    (found,) = failed(preflight(plan, {"h1": dataclasses.replace(GOOD, memory_total_mib=700)}))
    assert (found.path, found.seen, found.wanted) == (H1, "700 MiB", "at least 768 MiB")


def test_what_this_up_installs_counts_as_there() -> None:
    packages = ["libvirt-daemon-system", "qemu-system-x86"]
    plan = site_plan(hosts={"h1": {**SITE["hosts"]["h1"], "packages": packages}})
    lack = {"has_libvirt": False, "qemu": "", "libvirt_version": "", "domain_types": frozenset()}
    fact = dataclasses.replace(GOOD, **lack)
    findings = preflight(plan, {"h1": fact})
    assert green(findings)
    seen = {finding.what: finding.seen for finding in findings}
    assert seen["libvirt is installed"] == "no, this `up` installs it"


QEMU_ONLY = {"has_kvm": False, "domain_types": frozenset({"qemu"})}


@pytest.mark.parametrize(
    ("acceleration", "lack", "what"),
    [
        ("kvm", {}, []),
        ("kvm", QEMU_ONLY, ["/dev/kvm can be used"]),
        # The device is there, and QEMU cannot use it.
        ("kvm", {"domain_types": frozenset({"qemu"})}, [OFFERS]),
        ("tcg", {}, []),
        ("tcg", QEMU_ONLY, []),
        ("tcg", {"domain_types": frozenset({"kvm"})}, [OFFERS]),
        ("tcg", {"domain_types": frozenset()}, [OFFERS]),
    ],
)
def test_a_host_that_cannot_run_guests_as_declared(
    acceleration: str, lack: dict[str, Any], what: list[str]
) -> None:
    plan = site_plan(hosts={"h1": {**SITE["hosts"]["h1"], "acceleration": acceleration}})
    found = failed(preflight(plan, {"h1": dataclasses.replace(GOOD, **lack)}))
    assert [finding.what for finding in found] == what
    for finding in found:
        assert finding.path == ACCELERATION
        # The way out is a word in the site file where that helps.
        assert (f"{ACCELERATION}: tcg" in finding.remedy) is (acceleration == "kvm")


def test_a_host_without_guests_needs_no_acceleration() -> None:
    plan = site_plan(guests={})
    assert failed(preflight(plan, {"h1": dataclasses.replace(GOOD, **QEMU_ONLY)})) == []


def test_an_unreachable_host_is_one_finding() -> None:
    (found,) = preflight(PLAN, {"h1": "ssh failed: Connection refused"})
    assert (found.path, found.status) == ("hosts.h1.address", "failed")
    assert found.seen == "ssh failed: Connection refused"
    (found,) = preflight(PLAN, {})
    assert found.seen == "the host was not asked"


def test_a_host_in_maintenance_is_left_alone() -> None:
    plan = site_plan(hosts={"h1": {**SITE["hosts"]["h1"], "maintenance": True}})
    (found,) = preflight(plan, {})
    assert (found.severity, found.status) == ("info", "not checked")
    assert green([found])
