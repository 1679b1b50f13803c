"""Room: what is wanted. Frozen models of a site; no IO, no clock, no randomness.

Comes in: plain values (from a site file or a Python program). Goes out: a Site, or a SiteError
that lists every problem at once. May import: errors. The third-party name here is pydantic.
"""

from guesthouse.model.device import MdevPlace
from guesthouse.model.guest import CloudInit, Disk, Guest, Nic, SecretName, SshKey, User
from guesthouse.model.host import DOMAIN_TYPES, Bridge, File, Host, Service
from guesthouse.model.network import BridgeNetwork, DhcpRange, Network, SriovNetwork, VirtualNetwork
from guesthouse.model.order import start_order
from guesthouse.model.physical_function import FixedVf, PhysicalFunction, VfDefaults
from guesthouse.model.site import Site, parse_site
from guesthouse.model.storage import Image, Pool

__all__ = [
    "DOMAIN_TYPES",
    "Bridge",
    "BridgeNetwork",
    "CloudInit",
    "DhcpRange",
    "Disk",
    "File",
    "FixedVf",
    "Guest",
    "Host",
    "Image",
    "MdevPlace",
    "Network",
    "Nic",
    "PhysicalFunction",
    "Pool",
    "SecretName",
    "Service",
    "Site",
    "SriovNetwork",
    "SshKey",
    "User",
    "VfDefaults",
    "VirtualNetwork",
    "parse_site",
    "start_order",
]
