"""Guests: virtual machines, their disks, NICs and first boot."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from guesthouse.display import NOT_IN_LINE
from guesthouse.model.values import (
    InterfaceAddress,
    InterfaceName,
    IpAddress,
    Line,
    Mac,
    MachineType,
    MemoryMib,
    Model,
    Name,
    PackageName,
    Text,
    UserName,
    VcpuCount,
    VlanId,
)


class SecretName(Model):
    """A secret by name; its value is in the stack's encrypted configuration."""

    secret: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class SshKey(Model):
    """A public key that may log in: its text, and the file that it was read from, if any."""

    key: Annotated[
        str,
        StringConstraints(
            pattern=rf"^(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^{NOT_IN_LINE}]*)?$"
        ),
    ]
    file: Line | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"key": value} if isinstance(value, str) else value


class User(Model):
    """A user made at first boot (cloud-init module "Users and Groups")."""

    ssh_keys: tuple[SshKey, ...] = ()
    password: SecretName | None = None
    sudo: bool = False
    shell: Line = "/bin/sh"


def _data(value: dict[str, Any]) -> dict[str, Any]:
    """Only what YAML and JSON can say. Not pydantic's JsonValue, which would strip texts."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError("holds more than texts, numbers, lists and mappings") from None
    return value


class CloudInit(Model):
    """What cloud-init does at first boot: packages, commands (shell lines, in order), users, and
    any further modules in ``user_data``, in cloud-init's own words
    (https://cloudinit.readthedocs.io/en/latest/reference/modules.html).

    ``on_change`` is what happens to a guest that has booted when something changes that is done
    once: ``keep`` what it has, ``rerun`` all of it at a restart, or ``replace`` its system disk.
    """

    packages: tuple[PackageName, ...] = ()
    runcmd: tuple[Text, ...] = ()
    users: dict[UserName, User] = Field(default_factory=dict)
    user_data: Annotated[dict[str, Any], AfterValidator(_data)] = Field(default_factory=dict)
    on_change: Literal["keep", "rerun", "replace"] = "keep"


class Disk(Model):
    """A virtio disk in a pool: an overlay on an image, or empty. ``size_gib`` is its capacity.

    ``max_iops`` (operations a second) and ``max_mib_per_s`` are limits of reads and writes
    together (https://libvirt.org/formatdomain.html#block-i-o-tuning). ``allocation`` full takes
    the whole capacity of the pool at once. ``cache``, ``io`` and ``discard`` are QEMU's; none
    named: what libvirt chooses.
    """

    pool: Name
    image: Name | None = None
    size_gib: Annotated[int, Field(ge=1, le=64 * 1024)]
    max_iops: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    max_mib_per_s: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    allocation: Literal["thin", "full"] = "thin"
    cache: Literal["none", "writeback", "writethrough", "directsync", "unsafe"] | None = None
    io: Literal["threads", "native", "io_uring"] | None = None
    discard: Literal["unmap", "ignore"] = "unmap"


class Nic(Model):
    """A network interface: virtio, or on a network of kind sriov a virtual function of the host's
    card. The guest sees it under its name in the site file.

    Without ``address`` it asks DHCP, unless its network is known to have none. ``max_rx_mbps``
    and ``max_tx_mbps`` limit what the guest receives and sends (Mbit/s; libvirt's inbound and
    outbound average, https://libvirt.org/formatnetwork.html#quality-of-service). A virtual
    function is in the ``vlan`` (IEEE 802.1Q) that is said here, and its guest sees untagged frames;
    its limits are the host's to set.
    """

    network: Name
    address: InterfaceAddress | None = None
    mac: Mac | None = None
    vlan: VlanId | None = None
    gateway: IpAddress | None = None
    nameservers: tuple[IpAddress, ...] = ()
    max_rx_mbps: Annotated[int, Field(ge=1, le=400_000)] | None = None
    max_tx_mbps: Annotated[int, Field(ge=1, le=400_000)] | None = None


# What libvirt does with a guest that crashed (https://libvirt.org/formatdomain.html#events-configuration).
OnCrash = Literal["restart", "destroy", "preserve", "coredump-restart", "coredump-destroy"]
# What a change of an existing guest may cost, beyond what it does not feel.
Permission = Literal["link_loss", "restart", "replace", "destroys_data"]


class Guest(Model):
    """A virtual machine (https://libvirt.org/formatdomain.html).

    Memory is in MiB. ``cpu_limit_percent`` is the most that all its vCPUs and QEMU may use
    together, in percent of one CPU of the host (150: one and a half); ``cpu_shares`` is its weight
    where guests compete for CPUs (100 when nobody says otherwise). ``vcpus_max`` and
    ``memory_max_mib`` are the room it has to grow while it runs. ``machine`` is QEMU's machine
    type: ``q35`` is the newest that the host had when the guest was made, and the guest keeps that
    version; a version (``pc-q35-9.2``) is the same on all hosts, and to change to one is a restart
    even where the guest has it already. ``cpu`` is libvirt's CPU mode; none named: ``host-model``,
    on a host with ``acceleration: tcg`` ``maximum``, all that QEMU emulates. ``timeout_s`` is the
    time (seconds) it may take to answer after it was made or restarted: until one can log in (its
    sshd listens, cloud-init's config stage is over), or without a login until a first sign of life;
    ``shutdown_timeout_s`` is the time it may take to end when a permitted change needs a restart.
    ``power`` is enforced: a guest that is to be stopped is shut down (which needs the permission to
    restart), one that is to run is started, once the guests that it names in ``start_after`` are as
    declared. Disks that a permitted change takes away are kept aside for ``keep_aside_days``.

    ``devices`` are portable names of the site's devices: it gets what its host has under them
    (https://libvirt.org/formatdomain.html#host-device-assignment).

    ``on_crash`` is what libvirt does when QEMU tells it that the guest crashed: a panic of its
    kernel is told by the ``panic_device`` only (pvpanic). ``watchdog`` is what is done when the
    guest's system no longer feeds the machine's iTCO timer (libvirt 9.1 or newer); systemd feeds
    it when told to (RuntimeWatchdogSec in systemd-system.conf(5)).
    """

    host: Name
    vcpus: VcpuCount = 1
    vcpus_max: VcpuCount | None = None
    memory_mib: MemoryMib
    memory_max_mib: MemoryMib | None = None
    cpu_shares: Annotated[int, Field(ge=1, le=10_000)] | None = None
    cpu_limit_percent: Annotated[int, Field(ge=1, le=100_000)] | None = None
    machine: MachineType = "q35"
    cpu: Literal["host-model", "host-passthrough", "maximum"] | None = None
    firmware: Literal["bios", "uefi"] = "bios"
    power: Literal["running", "stopped", "paused"] = "running"
    autostart: bool = True
    start_after: tuple[Name, ...] = ()
    on_crash: OnCrash = "restart"
    watchdog: Literal["reset", "poweroff", "pause", "dump"] | None = None
    panic_device: bool = False
    description: Text = ""
    timeout_s: Annotated[int, Field(ge=10, le=86400)] = 600
    shutdown_timeout_s: Annotated[int, Field(ge=10, le=86400)] = 300
    allow: tuple[Permission, ...] = ()
    keep_aside_days: Annotated[int, Field(ge=1, le=3650)] = 7
    disks: dict[Name, Disk] = Field(min_length=1, max_length=24)
    nics: dict[InterfaceName, Nic] = Field(default_factory=dict, max_length=16)
    devices: tuple[Name, ...] = Field(default=(), max_length=16)
    cloud_init: CloudInit | None = None

    @property
    def login(self) -> str | None:
        """The user that logs in by key: the first one that has a key."""
        users = self.cloud_init.users if self.cloud_init else {}
        return next((name for name, user in users.items() if user.ssh_keys), None)
