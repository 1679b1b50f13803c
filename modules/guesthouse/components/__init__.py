"""Room: Plan + documents -> Pulumi resources. Takes no decisions.

Comes in: a Plan and the values of its secrets. Goes out: registered resources and the stack's
outputs. May import: render, placement, model. Third-party names: pulumi, pulumi_libvirt (in
``libvirt.py`` only).
"""

from guesthouse.components.ending import end_with
from guesthouse.components.preflight import host_facts
from guesthouse.components.resources import (
    Guest,
    Host,
    Image,
    Network,
    PhysicalFunction,
    VfNetwork,
)
from guesthouse.components.site import SiteComponent

__all__ = [
    "Guest",
    "Host",
    "Image",
    "Network",
    "PhysicalFunction",
    "SiteComponent",
    "VfNetwork",
    "end_with",
    "host_facts",
]
