"""Site -> Plan: one pass over the site, every derived value computed here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

from guesthouse.errors import SiteError
from guesthouse.model import (
    DOMAIN_TYPES,
    BridgeNetwork,
    Disk,
    Guest,
    Host,
    MdevPlace,
    Nic,
    Site,
    VirtualNetwork,
    rules,
)
from guesthouse.placement import capacity, networks
from guesthouse.placement.identity import Identity
from guesthouse.placement.plan import (
    DevicePlan,
    DiskPlan,
    GuestPlan,
    HostPlan,
    ImagePlan,
    NicPlan,
    Plan,
    PoolPlan,
)

GIB = 1024**3
# QEMU's log of the first serial port, on the host; libvirt's AppArmor profile allows this folder.
SERIAL_LOGS = "/var/log/libvirt/qemu"


def plan(site: Site, project: str, stack: str) -> Plan:
    """Work a site out. Raises SiteError with all problems of reference and capacity."""
    problems = [*rules.problems(site), *capacity.problems(site)]
    if problems:
        raise SiteError(*problems)
    identity = Identity(site.site, project, stack)
    images = {(i.host, i.pool, i.name): i for i in _images(site)}
    return Plan(
        identity=identity,
        hosts={
            name: HostPlan(name, host, _domain_type(host), networks.may_lose_link(site, ()))
            for name, host in site.hosts.items()
        },
        pools=tuple(_pools(site, identity)),
        networks=tuple(networks.networks(site, identity)),
        vf_networks=tuple(networks.vf_networks(site, identity)),
        images=tuple(images.values()),
        guests={
            name: _guest(site, identity, name, guest, images) for name, guest in site.guests.items()
        },
    )


def _domain_type(host: Host) -> str:
    return "test" if host.libvirt_uri else DOMAIN_TYPES[host.acceleration]


def _pools(site: Site, identity: Identity) -> Iterator[PoolPlan]:
    for name, pool in site.pools.items():
        for host in pool.hosts:
            uuid = "" if pool.existing else identity.uuid("pool", name)
            yield PoolPlan(host, name, pool.kind, pool.path.rstrip("/"), uuid, pool.existing)


def _images(site: Site) -> Iterator[ImagePlan]:
    """Every image on every host and pool where a guest starts from it."""
    for guest in site.guests.values():
        for disk in guest.disks.values():
            if disk.image:
                image = site.images[disk.image]
                volume = f"{disk.image}-{image.sha256[:16]}.{image.format}"
                yield ImagePlan(
                    host=guest.host,
                    pool=disk.pool,
                    name=disk.image,
                    source=image.source,
                    sha256=image.sha256,
                    format=image.format,
                    volume=volume,
                    path=f"{site.pools[disk.pool].path.rstrip('/')}/{volume}",
                )


Images = dict[tuple[str, str, str], ImagePlan]


def _disks(site: Site, name: str, guest: Guest, images: Images) -> Iterator[DiskPlan]:
    serials: set[str] = set()
    for index, (disk_name, disk) in enumerate(guest.disks.items()):
        made = _disk(site, name, guest.host, index, disk_name, disk, images)
        if made.serial in serials:
            made = replace(made, serial=_distinct_serial(disk_name))
        serials.add(made.serial)
        yield made


def _distinct_serial(name: str) -> str:
    """For a disk whose name begins as an earlier one's: that one keeps what its guest knows."""
    return f"{name[:11]}-{sha256(name.encode()).hexdigest()[:8]}"


def _guest(site: Site, identity: Identity, name: str, guest: Guest, images: Images) -> GuestPlan:
    disks, host = tuple(_disks(site, name, guest, images)), site.hosts[guest.host]
    # The seed lies beside the boot disk, since both move together.
    seed_volume = f"{name}.seed.iso"
    return GuestPlan(
        name=name,
        uuid=identity.uuid("guest", name),
        identity=identity,
        host=guest.host,
        domain_type=_domain_type(host),
        vcpus=guest.vcpus,
        vcpus_max=guest.vcpus_max or guest.vcpus,
        memory_mib=guest.memory_mib,
        memory_max_mib=guest.memory_max_mib or guest.memory_mib,
        cpu_shares=guest.cpu_shares or 0,
        cpu_limit_percent=guest.cpu_limit_percent or 0,
        machine=guest.machine,
        cpu=guest.cpu or ("maximum" if host.acceleration == "tcg" else "host-model"),
        firmware=guest.firmware,
        power=guest.power,
        autostart=guest.autostart,
        start_after=guest.start_after,
        on_crash=guest.on_crash,
        watchdog=guest.watchdog or "",
        panic_device=guest.panic_device,
        description=guest.description,
        timeout_s=guest.timeout_s,
        shutdown_timeout_s=guest.shutdown_timeout_s,
        allow=tuple(sorted({*site.allow, *guest.allow})),
        keep_aside_days=guest.keep_aside_days,
        disks=disks,
        nics=tuple(_nic(site, identity, name, key, nic) for key, nic in guest.nics.items()),
        devices=_devices(site, identity, name, guest),
        cloud_init=guest.cloud_init,
        seed_pool=disks[0].pool,
        seed_volume=seed_volume,
        seed_path=f"{site.pools[disks[0].pool].path.rstrip('/')}/{seed_volume}",
        serial_log=f"{SERIAL_LOGS}/{name}-serial.log",
        login=guest.login or "",
    )


def _disk(
    site: Site, guest: str, host: str, index: int, name: str, disk: Disk, images: Images
) -> DiskPlan:
    volume = f"{guest}.{name}.qcow2"
    return DiskPlan(
        name=name,
        target=f"vd{chr(ord('a') + index)}",
        boot_order=index + 1,
        # virtio-blk shows at most 20 bytes of a serial.
        serial=name[:20],
        pool=disk.pool,
        volume=volume,
        path=f"{site.pools[disk.pool].path.rstrip('/')}/{volume}",
        size_bytes=disk.size_gib * GIB,
        image=images[host, disk.pool, disk.image] if disk.image else None,
        max_iops=disk.max_iops or 0,
        max_mib_per_s=disk.max_mib_per_s or 0,
        allocation=disk.allocation,
        cache=disk.cache or "",
        io=disk.io or "",
        discard=disk.discard,
    )


def _nic(site: Site, identity: Identity, guest: str, name: str, nic: Nic) -> NicPlan:
    network = site.networks[nic.network]
    is_virtual = isinstance(network, VirtualNetwork)
    kind = "virtual" if is_virtual else network.kind
    return NicPlan(
        name=name,
        mac=nic.mac or identity.mac(guest, name),
        network=nic.network,
        kind=kind,
        bridge=network.bridge if isinstance(network, BridgeNetwork) else "",
        libvirt_network="" if kind == "bridge" else nic.network,
        vlan=nic.vlan or 0,
        address=nic.address or "",
        subnet=network.subnet if isinstance(network, VirtualNetwork) else "",
        dhcp=nic.address is None and (not isinstance(network, VirtualNetwork) or network.dhcp),
        gateway=nic.gateway or "",
        nameservers=nic.nameservers,
        max_rx_mbps=nic.max_rx_mbps or 0,
        max_tx_mbps=nic.max_tx_mbps or 0,
    )


def _devices(site: Site, identity: Identity, name: str, guest: Guest) -> tuple[DevicePlan, ...]:
    return tuple(_device(site, identity, name, guest.host, device) for device in guest.devices)


def _device(site: Site, identity: Identity, guest: str, host: str, name: str) -> DevicePlan:
    place = site.devices[name][host]
    if not isinstance(place, MdevPlace):
        return DevicePlan(name, place, "", "", "")
    # Of another type or on another parent it is another one: the document shows it.
    uuid = identity.uuid("device", guest, name, place.mdev, place.parent)
    return DevicePlan(name, "", place.mdev, uuid, place.parent)
