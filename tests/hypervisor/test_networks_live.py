"""A network is changed under a running guest: QEMU, dnsmasq, taps and bridges are real."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import libvirt
import pytest
from lxml import etree

import cases
from guesthouse.errors import MachineError, RefusedError
from guesthouse.machine.connections import Connections, HostConnection
from guesthouse.provider.network import NetworkResource
from guesthouse.provider.resource import Call
from guesthouse.render import network_document

pytestmark = pytest.mark.lab

# Routed, since a kernel without NAT has no "nat"; the steps are the same.
PLAN = dataclasses.replace(
    next(n for n in cases.site_plan("everything").networks if n.name == "nat"), kind="routed"
)
GUEST = f"""<domain type="qemu"><name>g1</name><memory unit="MiB">64</memory>
<os><type arch="x86_64" machine="q35">hvm</type></os><devices><interface type="network">
<source network="{PLAN.name}"/><model type="virtio"/></interface></devices></domain>"""
CALL = Call("urn", lambda message: None)
SUBNET = ("10.77.0.", "10.79.0.")


class Net:
    """The network under test, and what the host has of it."""

    def __init__(self, host: HostConnection, resource: NetworkResource, inputs: Any) -> None:
        self.host, self.resource, self._inputs = host, resource, inputs
        self.key, self.state = resource.create(CALL, inputs)
        self.guest = host.libvirt.createXML(GUEST)
        self.tap = etree.fromstring(self.guest.XMLDesc(0)).find(".//interface/target").get("dev")

    def inputs(self, *edit: str, allow: tuple[str, ...] = ()) -> dict[str, Any]:
        text = str(self._inputs["network_xml"])
        text = text.replace(*edit) if edit else text
        return {**self._inputs, "network_xml": text, "allow": list(allow)}

    def update(self, inputs: dict[str, Any]) -> None:
        self.state = self.resource.update(CALL, self.key, self.state, inputs)

    def drift(self, inputs: dict[str, Any]) -> dict[str, str]:
        seen = self.resource.read(self.key, self.state)
        assert seen is not None
        return self.resource.diff(seen, inputs)

    def tap_link(self) -> tuple[str, int]:
        """The tap's bridge ("" for none), and its number: another tap would have another one."""
        link = json.loads(self.host.root(f"ip -j link show dev {self.tap}"))[0]
        return link.get("master", ""), link["ifindex"]

    def ranges(self) -> str:
        file = f"/var/lib/libvirt/dnsmasq/{PLAN.name}.conf"
        return self.host.root(f"grep ^dhcp-range= {file} || true").strip()

    def ports(self) -> int:
        return len(self.host.libvirt.networkLookupByName(PLAN.name).listAllPorts())


@pytest.fixture
def net(
    connection: dict[str, Any], connections: Connections, host: HostConnection
) -> Iterator[Net]:
    made = Net(
        host,
        NetworkResource(connections),
        {
            "connection": connection,
            "mark": {"site": "s", "project": "p", "stack": "t"},
            "name": PLAN.name,
            "uuid": PLAN.uuid,
            "network_xml": network_document(PLAN),
            "active": True,
            "autostart": True,
            "allow": [],
        },
    )
    yield made
    made.guest.destroy()
    made.resource.delete(CALL, made.key, made.state)
    assert host.root("ls /var/lib/guesthouse 2>/dev/null || true") == ""
    assert host.libvirt.listAllNetworks() == []


def test_a_dhcp_range_changes_and_the_plug_stays(net: Net) -> None:
    before = net.tap_link()
    wanted = net.inputs("10.77.0.100", "10.77.0.50")
    net.update(wanted)
    assert net.drift(wanted) == {}
    assert net.ranges() == "dhcp-range=10.77.0.50,10.77.0.199,255.255.255.0"
    assert net.tap_link() == before == (PLAN.bridge, before[1])


def test_a_range_changed_by_hand_is_drift_and_is_mended(net: Net) -> None:
    live = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE
    network = net.host.libvirt.networkLookupByName(PLAN.name)
    network.update(
        libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
        libvirt.VIR_NETWORK_SECTION_IP_DHCP_RANGE,
        0,
        "<range start='10.77.0.3' end='10.77.0.5'/>",
        live,
    )
    assert net.drift(net.inputs()) == {"network_xml": "update"}
    net.update(net.inputs())
    assert net.drift(net.inputs()) == {}
    assert net.ranges() == "dhcp-range=10.77.0.100,10.77.0.199,255.255.255.0"


def test_a_subnet_is_refused_then_changed_with_the_guest_plugged_in_again(net: Net) -> None:
    before = net.tap_link()
    with pytest.raises(RefusedError, match="lose their link for a moment: g1"):
        net.update(net.inputs(*SUBNET))
    assert "10.77.0.1/24" in net.host.root(f"ip -br address show dev {PLAN.bridge}")
    wanted = net.inputs(*SUBNET, allow=("link_loss",))
    net.update(wanted)
    assert net.drift(wanted) == {}
    assert "10.79.0.1/24" in net.host.root(f"ip -br address show dev {PLAN.bridge}")
    assert (net.tap_link(), net.ports()) == (before, 1)
    nic = etree.fromstring(net.guest.XMLDesc(0)).find(".//interface")
    assert nic.find("link") is None


def test_a_network_stopped_by_hand_is_started_with_the_guest_plugged_in(net: Net) -> None:
    net.host.libvirt.networkLookupByName(PLAN.name).destroy()
    assert net.tap_link()[0] == ""
    assert net.drift(net.inputs()) == {"active": "update"}
    net.update(net.inputs())
    assert net.tap_link()[0] == PLAN.bridge
    assert net.drift(net.inputs()) == {}


def test_a_network_that_cannot_start_is_brought_back(net: Net) -> None:
    # Another interface has the new subnet already: libvirt refuses to start the network.
    net.host.root("ip link add taken type bridge && ip address add 10.79.0.9/24 dev taken")
    net.host.root("ip link set taken up")
    try:
        with pytest.raises(MachineError, match="which was taken back"):
            net.update(net.inputs(*SUBNET, allow=("link_loss",)))
    finally:
        net.host.root("ip link delete taken")
    assert net.tap_link()[0] == PLAN.bridge
    assert net.drift(net.inputs()) == {}
    assert "10.77.0.1/24" in net.host.root(f"ip -br address show dev {PLAN.bridge}")
