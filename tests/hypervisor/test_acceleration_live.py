"""Guests of a host with `acceleration: tcg` under a real libvirt: they start, nothing drifts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import libvirt
import pytest

import cases
from guesthouse.effects import domain_changes, room, running_document, seen_document
from guesthouse.errors import MachineError
from guesthouse.facts.capacity import capacity
from guesthouse.facts.hypervisor import hypervisor
from guesthouse.facts.question import ask
from guesthouse.machine.connections import HostConnection
from guesthouse.placement import GuestPlan
from guesthouse.provider import domain

pytestmark = pytest.mark.lab

FOLDER = "/var/tmp/guesthouse-emulated"  # noqa: S108
PLAN = cases.site_plan("emulated")
SLOW = [guest.name for guest in PLAN.guests.values() if guest.host == "slow"]


@contextmanager
def started(host: HostConnection, guest: GuestPlan) -> Iterator[tuple[str, libvirt.virDomain]]:
    """(document, domain) of a guest with empty volumes; gone at the end."""
    document = cases.guest_documents("emulated")[guest.name].domain_xml
    document = document.replace("/srv/guests", FOLDER).replace("/var/log/libvirt/qemu", FOLDER)
    host.root(f"mkdir -p {FOLDER}; truncate -s 1M {FOLDER}/{guest.seed_volume}")
    host.root(f"qemu-img create -q -f qcow2 {FOLDER}/{guest.disks[0].volume} 1G")
    made = domain.define(host.libvirt, document, "t")
    try:
        domain.start(made, guest.name)
        yield document, made
    finally:
        domain.remove(made)
        host.root(f"rm -r {FOLDER}")


@pytest.mark.parametrize("name", SLOW)
def test_it_runs_and_nothing_drifts(host: HostConnection, name: str) -> None:
    with started(host, PLAN.guests[name]) as (document, made):
        live = str(made.XMLDesc(0))
        seen = seen_document(document, domain.stored(made), live)
        assert domain_changes(seen, document, room(live), running_document(document, live)) == []
        fact = ask(host.root, hypervisor([name], [], [])).domains[name]
        assert (fact.live.acceleration, fact.config.acceleration) == ("tcg", "tcg")
        assert fact.config.cpu == PLAN.guests[name].cpu


def test_another_type_in_what_is_stored_is_drift(host: HostConnection) -> None:
    with started(host, PLAN.guests["modelled"]) as (document, made):
        stored = domain.stored(made).replace("type='qemu'", "type='kvm'", 1)
        host.libvirt.defineXML(stored)
        live = str(made.XMLDesc(0))
        seen = seen_document(document, domain.stored(made), live)
        found = domain_changes(seen, document, room(live), running_document(document, live))
        assert [str(change) for change in found] == ["acceleration kvm -> tcg (none)"]


def test_the_processor_itself_cannot_be_had(host: HostConnection) -> None:
    """Why the site file refuses it."""
    document = cases.guest_documents("emulated")["modelled"].domain_xml
    document = document.replace("host-model", "host-passthrough").replace("<disk ", "<!-- <disk ")
    document = document.replace("</disk>", "</disk> -->")
    made = domain.define(host.libvirt, document, "t")
    try:
        with pytest.raises(MachineError, match=r"host-passthrough.* is not supported by"):
            domain.start(made, "modelled")
    finally:
        domain.remove(made)


def test_the_host_says_that_it_can_emulate(host: HostConnection) -> None:
    assert "qemu" in ask(host.root, capacity([], [])).domain_types
