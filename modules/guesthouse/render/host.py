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
    """What the networkd templates of one bridge see."""

    host: str
    bridge: str
    nic: str
    address: str


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
        view = BridgeView(plan.name, name, bridge.nic or "", bridge.address or "")
        files |= _bridge_files(view)
    if host.bridges:
        services.setdefault("systemd-networkd.service", Service())
    return HostDocument(plan.name, files, host.packages, services, dict(host.bridges))


def _bridge_files(view: BridgeView) -> dict[str, File]:
    names = {
        f"10-guesthouse-{view.bridge}.netdev": "host/bridge.netdev.j2",
        f"10-guesthouse-{view.bridge}.network": "host/bridge.network.j2",
    }
    if view.nic:
        names[f"10-guesthouse-{view.nic}.network"] = "host/nic.network.j2"
    return {
        f"{NETWORKD}/{name}": File(content=render(template, view=view))
        for name, template in names.items()
    }
