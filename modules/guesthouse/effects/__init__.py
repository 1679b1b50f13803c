"""Room: old document x new document -> what the change costs. Pure: no machine is asked.

Comes in: domain documents, volumes, and what libvirt told of the running guest. Goes out: the
document as seen, and changes with their effects. May import: model, errors. Third-party name: lxml.
"""

from guesthouse.effects.bridges import bridge_changes
from guesthouse.effects.change import CHANGED, THERE, Change, Effect, refused, worst
from guesthouse.effects.compare import domain_changes
from guesthouse.effects.disks import disk_changes
from guesthouse.effects.host import host_changes
from guesthouse.effects.network import network_changes, section_updates, seen_network
from guesthouse.effects.physical_function import COUNT, FIXED, physical_function_changes
from guesthouse.effects.room import Room, room
from guesthouse.effects.seen import running_document, seen_document

__all__ = [
    "CHANGED",
    "COUNT",
    "FIXED",
    "THERE",
    "Change",
    "Effect",
    "Room",
    "bridge_changes",
    "disk_changes",
    "domain_changes",
    "host_changes",
    "network_changes",
    "physical_function_changes",
    "refused",
    "room",
    "running_document",
    "section_updates",
    "seen_document",
    "seen_network",
    "worst",
]
