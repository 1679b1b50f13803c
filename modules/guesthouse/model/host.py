"""Hosts: machines with a hypervisor, and what we own on them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from guesthouse.model.physical_function import PhysicalFunction
from guesthouse.model.values import (
    AbsolutePath,
    BootCount,
    FileMode,
    HostAddress,
    HostKey,
    InterfaceAddress,
    InterfaceName,
    MemoryMib,
    Model,
    Name,
    OwnPath,
    PackageName,
    Port,
    UnitName,
    UserName,
    VcpuCount,
    VlanId,
)

# Who runs the instructions of a host's guests: its processor (KVM), or QEMU in software (TCG).
Acceleration = Literal["kvm", "tcg"]
# libvirt's word for it (https://libvirt.org/formatdomain.html#element-and-attribute-overview).
DOMAIN_TYPES: Mapping[Acceleration, str] = {"kvm": "kvm", "tcg": "qemu"}


class Bridge(Model):
    """A Linux bridge made by systemd-networkd (systemd.netdev(5), systemd.network(5)).

    ``nic`` is the host's network interface that becomes its member, or with ``vlan`` (IEEE
    802.1Q) a VLAN of it: several bridges may share a NIC. ``address`` is the host's own address
    on the bridge, with prefix length.
    """

    nic: InterfaceName | None = None
    vlan: VlanId | None = None
    address: InterfaceAddress | None = None

    @property
    def uplink(self) -> str:
        """The device that is the bridge's member: the NIC, or the VLAN device on it."""
        if self.nic is None or self.vlan is None:
            return self.nic or ""
        name = f"{self.nic}.{self.vlan}"
        # Linux: at most 15 characters.
        return name if len(name) <= 15 else f"gv{zlib.crc32(self.nic.encode()):08x}.{self.vlan}"


class File(Model):
    """A file on the host, owned by us whole: content, mode (octal text), owner and group."""

    # To the last byte, as declared.
    content: Annotated[str, StringConstraints(strip_whitespace=False)]
    mode: FileMode = "0644"
    owner: UserName = "root"
    group: UserName = "root"


class Service(Model):
    """A systemd unit's state: started at boot, and running now."""

    enabled: bool = True
    running: bool = True


class Host(Model):
    """A hypervisor host: how it is reached, what it has, what we keep on it.

    ``memory_mib`` and ``vcpus`` declare its capacity; guests must fit into the memory.
    ``host_keys`` are the only ssh host keys accepted (``ssh-ed25519 AAAA...``).
    So many guests as ``boots_at_once`` boot side by side, the others wait: a slow host is through
    sooner when it boots few at a time.
    ``acceleration`` is how its guests run: ``kvm`` needs hardware virtualisation, ``tcg`` is QEMU's
    emulation, many times slower, for a host without it, and a guest takes further vCPUs only at a
    restart; to change it is a restart of each guest.
    A ``libvirt_uri`` of libvirt's test driver makes a host of pure memory, without ssh.
    """

    address: HostAddress = ""
    port: Port = 22
    user: UserName = "root"
    identity_file: OwnPath | None = None
    host_keys: tuple[HostKey, ...] = ()
    libvirt_uri: Annotated[str, StringConstraints(pattern=r"^test(\+unix)?:///[!-~]*$")] | None = (
        None
    )
    memory_mib: MemoryMib | None = None
    vcpus: VcpuCount | None = None
    boots_at_once: BootCount = 4
    acceleration: Acceleration = "kvm"
    maintenance: bool = False
    packages: tuple[PackageName, ...] = ()
    services: dict[UnitName, Service] = Field(default_factory=dict)
    files: dict[AbsolutePath, File] = Field(default_factory=dict)
    bridges: dict[InterfaceName, Bridge] = Field(default_factory=dict)
    physical_functions: dict[Name, PhysicalFunction] = Field(default_factory=dict)
