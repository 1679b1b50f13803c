"""Documents -> the inputs of resources: plain values in the provider's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from guesthouse.placement import (
    GuestPlan,
    HostPlan,
    ImagePlan,
    NetworkPlan,
    NicPlan,
    Plan,
    VfNetworkPlan,
)
from guesthouse.placement.identity import Identity
from guesthouse.render import GuestDocument, HostDocument, PhysicalFunctionDocument


def mark(identity: Identity) -> dict[str, str]:
    """The ownership mark."""
    return {"site": identity.site, "project": identity.project, "stack": identity.stack}


def connection(plan: HostPlan) -> dict[str, Any]:
    """How the provider reaches a host."""
    host = plan.host
    return {
        "name": plan.name,
        "address": host.address,
        "port": host.port,
        "user": host.user,
        "identity_file": host.identity_file or "",
        "host_keys": list(host.host_keys),
        "libvirt_uri": host.libvirt_uri or "",
        "maintenance": host.maintenance,
        "boots_at_once": host.boots_at_once,
    }


def host_inputs(identity: Identity, plan: HostPlan, document: HostDocument) -> dict[str, Any]:
    """Inputs of a Host."""
    return {
        "connection": connection(plan),
        "mark": mark(identity),
        "uuid": identity.uuid("host", plan.name),
        # Nothing on the host is made from it; rules about the stack are held against it.
        "capacity": {"memory_mib": plan.host.memory_mib or 0, "vcpus": plan.host.vcpus or 0},
        "files": {path: file.model_dump() for path, file in document.files.items()},
        "packages": list(document.packages),
        "services": {name: item.model_dump() for name, item in document.services.items()},
        "bridges": {
            name: {"nic": bridge.nic or "", "address": bridge.address or ""}
            | ({"vlan": bridge.vlan, "uplink": bridge.uplink} if bridge.vlan else {})
            for name, bridge in document.bridges.items()
        },
    }


def physical_function_inputs(
    plan: Plan, host: HostPlan, document: PhysicalFunctionDocument, networks: Mapping[str, str]
) -> dict[str, Any]:
    """Inputs of a PhysicalFunction. ``networks`` are the documents of those that hand out its
    virtual functions, by name."""
    function = host.host.physical_functions[document.name]
    nics = [
        _nic(nic)
        for guest in plan.guests.values()
        for nic in guest.nics
        if guest.host == host.name and nic.network in networks
    ]
    return {
        "connection": connection(host),
        "mark": mark(plan.identity),
        "uuid": plan.identity.uuid("physical_function", host.name, document.name),
        "name": document.name,
        "select": dict(function.select),
        "virtual_functions": function.virtual_functions,
        # A guest's own is as its document says: nothing strays.
        "vfs": {str(number): {**vf, "strays": ""} for number, vf in document.vfs.items()},
        "files": {path: file.model_dump() for path, file in document.files.items()},
        "unit": document.unit,
        "allow": sorted({*host.allow, *function.allow}),
        "networks": dict(networks),
        "nics": nics,
    }


def image_inputs(host: HostPlan, plan: ImagePlan) -> dict[str, Any]:
    """Inputs of an Image."""
    return {
        "connection": connection(host),
        "pool": plan.pool,
        "source": plan.source,
        "sha256": plan.sha256,
        "format": plan.format,
        "path": plan.path,
        "mode": "0444",
    }


def network_inputs(
    identity: Identity, host: HostPlan, plan: NetworkPlan, document: str
) -> dict[str, Any]:
    """Inputs of a Network."""
    return {
        "connection": connection(host),
        "mark": mark(identity),
        "name": plan.name,
        "uuid": plan.uuid,
        "network_xml": document,
        "active": True,
        "autostart": True,
        "allow": list(plan.allow),
    }


def vf_network_inputs(plan: Plan, network: VfNetworkPlan, document: str) -> dict[str, Any]:
    """Inputs of a VfNetwork: of the card, what is needed to find it."""
    host = plan.hosts[network.host]
    function = host.host.physical_functions[network.physical_function]
    return {
        "connection": connection(host),
        "mark": mark(plan.identity),
        "name": network.name,
        "uuid": network.uuid,
        "network_xml": document,
        "active": True,
        "autostart": True,
        "allow": list(network.allow),
        "select": dict(function.select),
        "virtual_functions": function.virtual_functions,
        "nics": [
            _nic(nic)
            for guest in plan.guests.values()
            for nic in guest.nics
            if guest.host == host.name and nic.network == network.name
        ],
    }


def guest_inputs(host: HostPlan, plan: GuestPlan, document: GuestDocument) -> dict[str, Any]:
    """Inputs of a Guest, but for its secrets."""
    seed = {
        "pool": plan.seed_pool,
        "volume": plan.seed_volume,
        "files": dict(document.seed),
        "on_change": plan.cloud_init.on_change if plan.cloud_init else "",
    }
    return {
        "connection": connection(host),
        "mark": mark(plan.identity),
        "name": plan.name,
        "uuid": plan.uuid,
        "domain_xml": document.domain_xml,
        "power": plan.power,
        "autostart": plan.autostart,
        "disks": [asdict(disk) for disk in document.disks],
        "seed": seed if document.seed else {},
        "nics": [_nic(nic) for nic in plan.nics],
        "devices": [asdict(device) for device in plan.devices],
        "login": plan.login,
        "address": plan.address,
        "serial_log": plan.serial_log,
        "timeout_s": plan.timeout_s,
        "shutdown_timeout_s": plan.shutdown_timeout_s,
        "allow": list(plan.allow),
        "keep_aside_days": plan.keep_aside_days,
    }


def _nic(plan: NicPlan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "mac": plan.mac,
        "address": plan.address,
        "dhcp": plan.dhcp,
        "gateway": plan.gateway,
        "nameservers": list(plan.nameservers),
    }
