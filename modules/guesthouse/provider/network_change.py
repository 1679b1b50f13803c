"""An existing network is changed: section by section while it runs, or by a bounce."""

from __future__ import annotations

from collections.abc import Sequence

import libvirt

from guesthouse.effects import section_updates
from guesthouse.effects.units import parse
from guesthouse.errors import MachineError, Problem
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import network_state
from guesthouse.provider.plugs import Plug, plug_in
from guesthouse.provider.resource import Values

_SECTIONS = {
    "ip-dhcp-range": libvirt.VIR_NETWORK_SECTION_IP_DHCP_RANGE,
    "ip-dhcp-host": libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
    "dns-host": libvirt.VIR_NETWORK_SECTION_DNS_HOST,
    "dns-txt": libvirt.VIR_NETWORK_SECTION_DNS_TXT,
    "dns-srv": libvirt.VIR_NETWORK_SECTION_DNS_SRV,
    "portgroup": libvirt.VIR_NETWORK_SECTION_PORTGROUP,
    "forward-interface": libvirt.VIR_NETWORK_SECTION_FORWARD_INTERFACE,
}


def change(
    host: HostConnection, network: libvirt.virNetwork, running: str, wanted: str
) -> libvirt.virNetwork:
    """Store the definition, and bring the running network to it section by section."""
    # libvirt's test driver keeps one definition, and the updates change it.
    if not (host.is_test and running):
        network = _define(host, network, wanted)
    for update in section_updates(running, wanted) if running else ():
        command = (
            libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST
            if update.add
            else libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE
        )
        section, live = update.section, libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE
        network.update(command, _SECTIONS[section.name], section.parent, section.xml, live)
    return network


def bounce(
    host: HostConnection, network: libvirt.virNetwork, inputs: Values, plugged: Sequence[Plug]
) -> libvirt.virNetwork:
    """Stop, define anew, start, plug the guests in; or bring the old network back."""
    wanted, old = str(inputs["network_xml"]), network_state.stored(host, network)
    network.destroy()
    try:
        made = _define(host, network, wanted)
        made.create()
    except libvirt.libvirtError as error:
        said = str(error.get_error_message())
        back = _define(host, network_state.find(host, inputs) or network, old)
        back.create()
        back.setAutostart(int(inputs["autostart"]))
        plug_in(host, network_state.bridge(old), plugged)
        what = "did not start with its new definition, which was taken back"
        hint = "the guests are plugged in as before; mend the change and run `up` again"
        raise MachineError(
            Problem(f"network {inputs['name']}", what, got=said, hint=hint)
        ) from error
    plug_in(host, network_state.bridge(wanted), plugged)
    return made


def _define(host: HostConnection, network: libvirt.virNetwork, xml: str) -> libvirt.virNetwork:
    """Store a definition; one of another UUID (an earlier version's) makes room first."""
    if network.UUIDString() != parse(xml).findtext("uuid"):
        stored = host.libvirt.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_PERSISTENT)
        if network.UUIDString() in [item.UUIDString() for item in stored]:
            network.undefine()
    return host.libvirt.networkDefineXML(xml)
