"""Room: Site -> Plan. Pure arithmetic on values: derives names, UUIDs and MACs, checks capacity.

Comes in: a Site, the project's and the stack's name. Goes out: a Plan, the one thing that
render, components and checks read. May import: model, errors.
"""

from guesthouse.placement.capacity import problems as capacity_problems
from guesthouse.placement.plan import (
    DevicePlan,
    DiskPlan,
    GuestPlan,
    HostPlan,
    ImagePlan,
    NetworkPlan,
    NicPlan,
    Plan,
    PoolPlan,
    VfNetworkPlan,
)
from guesthouse.placement.planner import plan
from guesthouse.placement.resource_name import (
    both_names,
    former_name,
    former_names,
    resource_name,
)

__all__ = [
    "DevicePlan",
    "DiskPlan",
    "GuestPlan",
    "HostPlan",
    "ImagePlan",
    "NetworkPlan",
    "NicPlan",
    "Plan",
    "PoolPlan",
    "VfNetworkPlan",
    "both_names",
    "capacity_problems",
    "former_name",
    "former_names",
    "plan",
    "resource_name",
]
