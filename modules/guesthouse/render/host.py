"""A host's document: files, packages, services, bridges. Follows systemd.network(5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from guesthouse.model import Bridge, File, Service
from guesthouse.placement import HostPlan
from guesthouse.render.templates import render

NETWORKD = "/etc/systemd/network"


@dataclass(frozen=True)
class BridgeView:
    """What the networkd templates of one bridge see; ``vlan`` is 0 when it is untagged."""

    host: str
    bridge: str
    uplink: str
    vlan: int
    address: str


@dataclass(frozen=True)
class NicView:
    """What the networkd template of a NIC sees: whose it is, its bridge, its VLAN devices."""

    host: str
    nic: str
    bridges: tuple[str, ...]
    bridge: str
    vlans: tuple[str, ...]


@dataclass(frozen=True)
class HostDocument:
    """All that we own on a host. ``files`` holds the rendered networkd files too."""

    name: str
    files: Mapping[str, File] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    services: Mapping[str, Service] = field(default_factory=dict)
    bridges: Mapping[str, Bridge] = field(default_factory=dict)


def host_document(plan: HostPlan) -> HostDocument:
    """Render a host; bridges bring their networkd files and need networkd itself."""
    host = plan.host
    files = dict(host.files)
    services = dict(host.services)
    for name, bridge in host.bridges.items():
        view = BridgeView(plan.name, name, bridge.uplink, bridge.vlan or 0, bridge.address or "")
        files |= _bridge_files(view)
    for nic in dict.fromkeys(bridge.nic for bridge in host.bridges.values() if bridge.nic):
        files |= _rendered("host/nic.network.j2", _nic(plan, nic), f"{nic}.network")
    if host.bridges:
        services.setdefault("systemd-networkd.service", Service())
    return HostDocument(plan.name, files, host.packages, services, dict(host.bridges))


def _bridge_files(view: BridgeView) -> dict[str, File]:
    files = _rendered("host/bridge.netdev.j2", view, f"{view.bridge}.netdev")
    files |= _rendered("host/bridge.network.j2", view, f"{view.bridge}.network")
    if view.vlan:
        files |= _rendered("host/vlan.netdev.j2", view, f"{view.uplink}.netdev")
        member = NicView(view.host, view.uplink, (view.bridge,), view.bridge, ())
        files |= _rendered("host/nic.network.j2", member, f"{view.uplink}.network")
    return files


def _nic(plan: HostPlan, nic: str) -> NicView:
    ours = {name: bridge for name, bridge in plan.host.bridges.items() if bridge.nic == nic}
    return NicView(
        host=plan.name,
        nic=nic,
        bridges=tuple(ours),
        bridge=next((name for name, bridge in ours.items() if not bridge.vlan), ""),
        vlans=tuple(bridge.uplink for bridge in ours.values() if bridge.vlan),
    )


def _rendered(template: str, view: BridgeView | NicView, name: str) -> dict[str, File]:
    return {f"{NETWORKD}/10-guesthouse-{name}": File(content=render(template, view=view))}
