"""A physical function's files: systemd.link(5), systemd.network(5) and a unit for rates.

They have two holes, which the host fills as it has the card: ``@PCI@`` its address, ``@NIC@`` its
interface's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guesthouse.model import File
from guesthouse.placement import HostPlan
from guesthouse.render.host import NETWORKD
from guesthouse.render.templates import render

Vfs = Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True)
class PhysicalFunctionView:
    """What the templates see; ``rates`` are the virtual functions that have one."""

    host: str
    name: str
    virtual_functions: int
    vfs: Vfs
    rates: Vfs
    is_dropin: bool


@dataclass(frozen=True)
class PhysicalFunctionDocument:
    """``vfs``: number -> all that the host sets of it. ``unit`` is empty when nothing has a
    rate."""

    name: str
    files: Mapping[str, File]
    unit: str
    vfs: Vfs


def physical_function_document(plan: HostPlan, name: str) -> PhysicalFunctionDocument:
    """Render one physical function of a host."""
    function = plan.host.physical_functions[name]
    vfs = {n: function.virtual_function(n) for n in range(function.virtual_functions)}
    # networkd takes the first file that fits: where a bridge has the NIC, ours adds to its file.
    is_dropin = function.nic in {bridge.nic for bridge in plan.host.bridges.values()}
    rates = {n: vf for n, vf in vfs.items() if vf["max_tx_mbps"] or vf["min_tx_mbps"]}
    view = PhysicalFunctionView(
        host=plan.name,
        name=name,
        virtual_functions=function.virtual_functions,
        vfs={n: {"mac": "", "vlan": 0, "qos": 0, **vf} for n, vf in vfs.items()},
        rates=rates,
        is_dropin=bool(function.nic) and is_dropin,
    )
    network = f"{NETWORKD}/10-guesthouse-pf-{name}.network"
    if view.is_dropin:
        network = f"{NETWORKD}/10-guesthouse-{function.nic}.network.d/pf-{name}.conf"
    files = {
        f"{NETWORKD}/10-guesthouse-pf-{name}.link": _file("host/pf.link.j2", view),
        network: _file("host/pf.network.j2", view),
    }
    unit = f"guesthouse-pf-{name}.service" if rates else ""
    if unit:
        files[f"/etc/systemd/system/{unit}"] = _file("host/pf.service.j2", view)
    return PhysicalFunctionDocument(name, files, unit, vfs)


def _file(template: str, view: PhysicalFunctionView) -> File:
    return File(content=render(template, view=view))
