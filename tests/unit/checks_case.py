"""A site that declares everything once, and the facts of machines that are exactly as declared."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import checks_card
from device_case import DEVICES, device_facts

from guesthouse.checks.check import HostFacts, SiteFacts
from guesthouse.facts.accounts import UserFact
from guesthouse.facts.capacity import SizeFact
from guesthouse.facts.guest import DomainDisk, DomainFact, DomainNic, Shape
from guesthouse.facts.host import BridgeFact, FileFact, ServiceFact, VlanFact
from guesthouse.facts.hypervisor import HypervisorFact
from guesthouse.facts.inside import CloudInitFact, InsideFact, NicFact, RoutingFact, SystemFact
from guesthouse.facts.network import NetworkFact
from guesthouse.facts.storage import PoolFact, VolumeFact
from guesthouse.model import parse_site
from guesthouse.placement import DiskPlan, GuestPlan, Plan, plan

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuesthouseTestKeyAaaaaaaaaaaaaaaaaaaaaaaa"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuesthouseHostKeyAaaaaaaaaaaaaaaaaaaaaaaa"

SITE: dict[str, Any] = {
    "site": "unit",
    "hosts": {
        "h1": {
            "address": "192.0.2.1",
            "host_keys": [HOST_KEY],
            "memory_mib": 4096,
            "vcpus": 4,
            "packages": ["ethtool"],
            "services": {"libvirtd.service": {}, "cups.service": {"enabled": False, "running": 0}},
            "files": {"/etc/motd": {"content": "one\ntwo\n", "mode": "0640", "group": "adm"}},
            "bridges": {
                "br0": {"nic": "eth1", "address": "10.9.0.1/24"},
                "br1": {"nic": "eth1", "vlan": 42},
            },
            "physical_functions": {
                "fast": {
                    "driver": "igb",
                    "virtual_functions": 3,
                    "defaults": {"max_tx_mbps": 500, "min_tx_mbps": 10},
                    "fixed": {"0": {"mac": "52:54:00:00:00:99", "vlan": 42, "qos": 3}},
                }
            },
        }
    },
    "pools": {
        "guests": {"hosts": ["h1"], "path": "/srv/guests"},
        "old": {"hosts": ["h1"], "path": "/srv/old", "existing": True},
    },
    "images": {"debian": {"source": "debian.qcow2", "sha256": "5" * 64}},
    "networks": {
        "lan": {"kind": "bridge", "bridge": "br0"},
        "office": {"kind": "bridge", "bridge": "br9", "existing": True, "hosts": ["h1"]},
        "nat": {"kind": "nat", "subnet": "10.7.0.0/24"},
        "theirs": {"kind": "isolated", "subnet": "10.8.0.0/24", "existing": True, "dhcp": False},
        "vfs": {"kind": "sriov", "physical_function": "fast"},
    },
    "devices": DEVICES,
    "guests": {
        "web": {
            "host": "h1",
            "devices": ["gpu0", "sound", "vgpu"],
            "vcpus": 2,
            "vcpus_max": 4,
            "memory_mib": 512,
            "memory_max_mib": 1024,
            "description": "the first",
            "panic_device": True,
            "watchdog": "poweroff",
            "disks": {
                "root": {"pool": "guests", "image": "debian", "size_gib": 4},
                "data": {"pool": "old", "size_gib": 1, "allocation": "full", "cache": "none"},
            },
            "nics": {
                "lan0": {
                    "network": "lan",
                    "address": "10.9.0.11/24",
                    "gateway": "10.9.0.1",
                    "nameservers": ["10.9.0.53"],
                },
                "nat0": {"network": "nat"},
                "off0": {"network": "office"},
                "vf0": {"network": "vfs", "vlan": 43, "address": "10.6.0.11/24"},
            },
            "cloud_init": {
                "packages": ["nginx"],
                "users": {
                    "admin": {"ssh_keys": [f"{KEY} me"], "sudo": True},
                    "guest": {"password": {"secret": "guest_password"}, "shell": "/bin/bash"},
                },
            },
        },
        "db": {
            "host": "h1",
            "memory_mib": 256,
            "machine": "pc-q35-9.2",
            "firmware": "uefi",
            "disks": {"root": {"pool": "guests", "image": "debian", "size_gib": 2}},
            "nics": {
                "own0": {"network": "theirs", "address": "10.8.0.5/24"},
                "vf0": {"network": "vfs", "vlan": 43, "address": "10.6.0.12/24"},
            },
            "cloud_init": {"users": {"admin": {"ssh_keys": [KEY]}}},
        },
    },
}


def site_plan(**changes: Any) -> Plan:
    """The plan of the site, with changes to its top-level keys."""
    return plan(parse_site({**SITE, **changes}), project="guesthouse", stack="unit")


def as_declared(plan_: Plan) -> SiteFacts:
    """What machines say that are exactly as the plan declares."""
    guests = plan_.guests.values()
    return SiteFacts(
        hosts={name: _host(plan_, name) for name in plan_.hosts},
        guests={g.name: _inside(plan_, g, number) for number, g in enumerate(guests) if g.login},
        pinned={g.name: (_host_key(number),) for number, g in enumerate(guests) if g.login},
        left_out={},
    )


def _host(plan_: Plan, name: str) -> HostFacts:
    host = plan_.hosts[name].host
    guests = [guest for guest in plan_.guests.values() if guest.host == name]
    disks = [disk for guest in guests for disk in guest.disks]
    bridges = {
        n: BridgeFact(
            members=(b.uplink, "vnet0"),
            addresses=(b.address,) if b.address else (),
            up=True,
            vlans={b.uplink: VlanFact(b.nic or "", b.vlan)} if b.vlan else {},
        )
        for n, b in host.bridges.items()
    }
    images = {
        i.path: VolumeFact(i.format, 1 << 30, 1 << 29, "") for i in plan_.images if i.host == name
    }
    overlays = {
        d.path: VolumeFact("qcow2", d.size_bytes, _used(d), d.image.path if d.image else "")
        for d in disks
    }
    return HostFacts(
        size=SizeFact(3900, 4),
        packages=frozenset(host.packages),
        services={u: ServiceFact(s.enabled, s.running, True) for u, s in host.services.items()},
        files={p: FileFact(f.content, f.mode, f.owner, f.group) for p, f in host.files.items()},
        bridges=bridges | {"br9": BridgeFact(("eth9",), (), True)},
        cards=checks_card.cards(plan_, name),
        pci=device_facts(guests),
        hypervisor=_hypervisor(plan_, name, guests),
        volumes=images | overlays,
        digests={i.path: i.sha256 for i in plan_.images if i.host == name},
    )


def _hypervisor(plan_: Plan, host: str, guests: list[GuestPlan]) -> HypervisorFact:
    return HypervisorFact(
        domains={g.name: _domain(plan_, g) for g in guests},
        pools={
            p.name: PoolFact("5", p.kind, p.path, True, not p.existing)
            for p in plan_.pools
            if p.host == host
        },
        networks={
            n.name: NetworkFact(
                uuid="5",
                kind=n.kind,
                bridge=n.bridge,
                addresses=(n.address,),
                dhcp=n.dhcp,
                dhcp_ranges=(f"{n.dhcp_start}-{n.dhcp_end}",),
                active=True,
                autostart=not n.existing,
            )
            for n in plan_.networks
            if n.host == host
        }
        | checks_card.networks(plan_, host),
    )


def _domain(plan_: Plan, guest: GuestPlan) -> DomainFact:
    config = Shape(
        acceleration=plan_.hosts[guest.host].host.acceleration,
        vcpus=guest.vcpus,
        vcpus_max=guest.vcpus_max,
        memory_mib=guest.memory_mib,
        boot_memory_mib=guest.memory_mib,
        memory_max_mib=guest.memory_max_mib,
        cpu_shares=guest.cpu_shares,
        cpu_limit_percent=guest.cpu_limit_percent,
        machine=guest.machine if guest.is_machine_pinned else "pc-q35-10.0",
        cpu=guest.cpu,
        firmware=guest.firmware,
        on_crash=guest.on_crash,
        watchdog=guest.watchdog or "reset",
        panic_device=guest.panic_device,
        description=guest.description,
        disks={d.target: _disk(d) for d in guest.disks}
        | {guest.seed_target: DomainDisk("disk", guest.seed_path, "")},
        nics={
            n.mac: DomainNic(
                "bridge" if n.bridge else "network",
                n.bridge or n.libvirt_network,
                "vnet0",
                vlan=n.vlan,
            )
            for n in guest.nics
        },
        devices={d.name: d.place for d in guest.devices},
    )
    nics = {**config.nics, **checks_card.running_nics(plan_, guest)}
    live = dataclasses.replace(config, cpu="custom", nics=nics)
    return DomainFact(guest.uuid, "running", guest.autostart, "", config, live)


def _used(disk: DiskPlan) -> int:
    return disk.size_bytes if disk.allocation == "full" else 1


def _disk(disk: DiskPlan) -> DomainDisk:
    return DomainDisk(
        "disk", disk.path, disk.serial, cache=disk.cache, io=disk.io, discard=disk.discard
    )


def _host_key(number: int) -> str:
    return f"ssh-ed25519 AAAA{number}"


def _inside(plan_: Plan, guest: GuestPlan, number: int) -> InsideFact:
    packages = guest.cloud_init.packages if guest.cloud_init else ()
    return InsideFact(
        system=SystemFact(
            hostname=guest.name,
            machine_id=f"{number:032x}",
            host_keys=(_host_key(number),),
            firmware=guest.firmware,
            vcpus=guest.vcpus,
            memory_mib=guest.memory_mib - 1,
            disks={disk.serial: disk.size_bytes for disk in guest.disks},
            root_bytes=guest.disks[0].size_bytes * 19 // 20,
        ),
        nics={
            n.mac: NicFact(n.name, (n.address or "10.7.0.77/24",), checks_card.driver(n))
            for n in guest.nics
        },
        routing=RoutingFact(
            {n.name: (n.gateway,) for n in guest.nics if n.gateway},
            tuple(server for n in guest.nics for server in n.nameservers),
        ),
        cloud_init=CloudInitFact(True, ()),
        users={
            name: UserFact(
                user.shell,
                "set" if user.password else "locked",
                tuple(item.key for item in user.ssh_keys),
                user.sudo,
            )
            for name, user in guest.users.items()
        },
        packages=frozenset(packages),
        reached=checks_card.reached(plan_, guest),
    )


GONE = object()


def changed(thing: Any, path: tuple[str, ...], to: Any) -> Any:
    """A copy of nested dataclasses, tuples and mappings with one place changed or GONE."""
    first, *rest = path
    if isinstance(thing, Mapping):
        inner = to if not rest else changed(thing[first], tuple(rest), to)
        kept = {key: value for key, value in thing.items() if key != first}
        return kept if inner is GONE else kept | {first: inner}
    if isinstance(thing, tuple):
        index = int(first)
        return (*thing[:index], changed(thing[index], tuple(rest), to), *thing[index + 1 :])
    inner = to if not rest else changed(getattr(thing, first), tuple(rest), to)
    return dataclasses.replace(thing, **{first: inner})
