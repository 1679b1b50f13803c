"""Plan -> questions: one for each host and one for each guest, a round trip each."""

from __future__ import annotations

from typing import Any

from guesthouse.checks.check import HostFacts
from guesthouse.checks.network import used_bridges
from guesthouse.checks.virtual_function import peers
from guesthouse.facts import host as host_facts
from guesthouse.facts import inside, pci, sriov, storage
from guesthouse.facts.capacity import size
from guesthouse.facts.hypervisor import hypervisor
from guesthouse.facts.inside import InsideFact
from guesthouse.facts.question import Question
from guesthouse.facts.together import as_root, together
from guesthouse.placement import GuestPlan, Plan


def host_question(plan: Plan, name: str, deep: bool = False) -> Question[HostFacts]:
    """Everything that the checks of one host and of its guests from outside need."""
    host = plan.hosts[name].host
    guests = [guest for guest in plan.guests.values() if guest.host == name]
    images = [image.path for image in plan.images if image.host == name]
    disks = [disk.path for guest in guests for disk in guest.disks]
    foreign = [bridge for where, _, bridge in used_bridges(plan) if where == name]
    devices = [d for guest in guests if guest.power != "stopped" for d in guest.devices]
    parts: dict[str, Question[Any]] = {
        "size": size(),
        "packages": host_facts.packages(host.packages),
        "services": host_facts.services(host.services),
        "files": host_facts.files(host.files),
        "bridges": host_facts.bridges((*host.bridges, *foreign)),
        "cards": sriov.cards(bool(host.physical_functions)),
        "pci": pci.devices(
            [d.pci_address for d in devices if d.pci_address],
            [d.mdev_uuid for d in devices if d.mdev_uuid],
        ),
        "hypervisor": hypervisor(
            domains=[guest.name for guest in guests],
            pools=[pool.name for pool in plan.pools if pool.host == name],
            networks=[
                *(item.name for item in plan.networks if item.host == name),
                *(item.name for item in plan.vf_networks if item.host == name),
            ],
        ),
        "volumes": storage.volumes((*images, *disks)),
        "digests": storage.digests(images if deep else ()),
    }
    question = together(parts)
    return Question(as_root(question.command), lambda output: HostFacts(**question.parse(output)))


def guest_question(plan: Plan, guest: GuestPlan) -> Question[InsideFact]:
    """Everything that the checks inside one guest need."""
    packages = guest.cloud_init.packages if guest.cloud_init else ()
    return inside.inside(guest.users, packages, peers(plan, guest))
