"""The Plan: what a site comes to on each host, with every name and address worked out.

Sizes end in their unit (``_mib`` MiB, ``_bytes`` bytes). All values are final: nothing in a plan
waits for a machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from guesthouse.model import CloudInit, Host, User
from guesthouse.placement.identity import Identity


@dataclass(frozen=True)
class HostPlan:
    """A host; ``domain_type`` is libvirt's of its guests, ``allow`` what changes on it may cost."""

    name: str
    host: Host
    domain_type: str
    allow: tuple[str, ...]

    @property
    def has_ssh(self) -> bool:
        """False for a host of libvirt's test driver."""
        return self.host.libvirt_uri is None


@dataclass(frozen=True)
class PoolPlan:
    """A storage pool on one host. ``uuid`` is empty for an existing pool."""

    host: str
    name: str
    kind: str
    path: str
    uuid: str
    existing: bool


@dataclass(frozen=True)
class NetworkPlan:
    """A libvirt network (nat, routed, isolated) on one host.

    ``address`` is the host's own, the first of the subnet, with prefix length; ``mac`` that of
    its bridge. ``dhcp_start`` and ``dhcp_end`` are the addresses handed out, empty for none.
    """

    host: str
    name: str
    uuid: str
    kind: str
    bridge: str
    mac: str
    subnet: str
    address: str
    dhcp: bool
    dhcp_start: str
    dhcp_end: str
    existing: bool
    allow: tuple[str, ...]


@dataclass(frozen=True)
class VfNetworkPlan:
    """A network of virtual functions on one host. ``vfs`` are the numbers of those that libvirt
    may hand out: all but the fixed ones."""

    host: str
    name: str
    uuid: str
    physical_function: str
    vfs: tuple[int, ...]
    allow: tuple[str, ...]


@dataclass(frozen=True)
class ImagePlan:
    """An image as a volume in a pool of one host, named by its digest."""

    host: str
    pool: str
    name: str
    source: str
    sha256: str
    format: str
    volume: str
    path: str


@dataclass(frozen=True)
class DiskPlan:
    """A guest's disk: ``target`` is its device (vda), ``serial`` the name that it sees,
    ``boot_order`` 1 for the first.

    Limits are 0 for none, here and in NICs and guests.
    """

    name: str
    target: str
    boot_order: int
    serial: str
    pool: str
    volume: str
    path: str
    size_bytes: int
    image: ImagePlan | None
    max_iops: int
    max_mib_per_s: int
    allocation: str
    cache: str
    io: str
    discard: str


@dataclass(frozen=True)
class NicPlan:
    """A guest's NIC on a network of ``kind`` bridge, virtual (nat, routed, isolated) or sriov.

    Exactly one of ``bridge`` and ``libvirt_network`` is set. ``vlan`` is 0 for none.
    """

    name: str
    mac: str
    network: str
    kind: str
    bridge: str
    libvirt_network: str
    vlan: int
    address: str
    subnet: str
    dhcp: bool
    gateway: str
    nameservers: tuple[str, ...]
    max_rx_mbps: int
    max_tx_mbps: int

    @property
    def default_route(self) -> str:
        """Every address of the gateway's family, with prefix length."""
        return "::/0" if ":" in self.gateway else "0.0.0.0/0"


@dataclass(frozen=True)
class DevicePlan:
    """A device of the host that a guest gets: the one at ``pci_address``, or (then that is empty)
    one of ``mdev_type`` that is made on the PCI device ``parent``, with ``mdev_uuid``."""

    name: str
    pci_address: str
    mdev_type: str
    mdev_uuid: str
    parent: str

    @property
    def place(self) -> str:
        """What it is found by on the host."""
        return self.pci_address or self.mdev_uuid


@dataclass(frozen=True)
class GuestPlan:
    """A guest with everything that its documents need."""

    name: str
    uuid: str
    identity: Identity
    host: str
    domain_type: str
    vcpus: int
    vcpus_max: int
    memory_mib: int
    memory_max_mib: int
    cpu_shares: int
    cpu_limit_percent: int
    machine: str
    cpu: str
    firmware: str
    power: str
    autostart: bool
    start_after: tuple[str, ...]
    on_crash: str
    watchdog: str
    panic_device: bool
    description: str
    timeout_s: int
    shutdown_timeout_s: int
    allow: tuple[str, ...]
    keep_aside_days: int
    disks: tuple[DiskPlan, ...]
    nics: tuple[NicPlan, ...]
    devices: tuple[DevicePlan, ...]
    cloud_init: CloudInit | None
    seed_pool: str
    seed_volume: str
    seed_path: str
    serial_log: str
    login: str

    @property
    def is_machine_pinned(self) -> bool:
        """A version of the machine type is declared, not whatever is newest."""
        return self.machine != "q35"

    @property
    def users(self) -> Mapping[str, User]:
        """The users made at first boot."""
        return self.cloud_init.users if self.cloud_init else {}

    @property
    def address(self) -> str:
        """The first declared address without prefix length; empty when none is declared."""
        return next((n.address.split("/")[0] for n in self.nics if n.address), "")

    @property
    def root_ports(self) -> range:
        """PCIe root ports: disks, seed, NICs, devices, serial, balloon, rng, and 4 to grow live."""
        plugged = len(self.disks) + 1 + len(self.nics) + len(self.devices)
        return range(1, plugged + 3 + 4 + 1)

    @property
    def seed_target(self) -> str:
        """The seed's device, virtio too, so it is there as early as the disks are; the last one,
        so that a disk more does not move it."""
        return "vdz"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets that this guest's documents have holes for, sorted."""
        return tuple(sorted({u.password.secret for u in self.users.values() if u.password}))


@dataclass(frozen=True)
class Plan:
    """Everything of one stack, ready to be rendered, made and checked."""

    identity: Identity
    hosts: Mapping[str, HostPlan]
    pools: tuple[PoolPlan, ...]
    networks: tuple[NetworkPlan, ...]
    vf_networks: tuple[VfNetworkPlan, ...]
    images: tuple[ImagePlan, ...]
    guests: Mapping[str, GuestPlan]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of all secrets that the stack's configuration must hold, sorted."""
        return tuple(sorted({name for guest in self.guests.values() for name in guest.secrets}))
