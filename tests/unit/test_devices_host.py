"""Devices of a host: what it tells of them, and what a guest cannot have."""

from __future__ import annotations

import json
import subprocess
from types import SimpleNamespace
from typing import Any, cast

import pytest

from guesthouse.errors import MachineError, Problem, RefusedError, UnreachableError
from guesthouse.facts import guest, pci, virsh
from guesthouse.facts.pci import MdevFact, Neighbour
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import guest_devices
from guesthouse.provider.resource import Call

UUID = "e7a1705c-2715-547c-a142-87be7e383cc3"
GPU, SOUND, NIC, CARD = (
    f"0000:{bus}:00.{n}" for bus, n in (("03", 0), ("03", 1), ("02", 0), ("04", 0))
)
# Of a host with a card of two functions, a spare NIC behind a root port, and a card that is shared.
TOLD = {
    GPU: f"""\
pci pci_address={GPU} driver=nouveau kind=030000 device=10de:1eb8 iommu_group=7 vfs=
neighbour pci_address=0000:00:1c.0 driver=pcieport kind=060400 device=8086:a338
neighbour pci_address={SOUND} driver=snd_hda_intel kind=040300 device=10de:10f8
""",
    SOUND: f"""\
pci pci_address={SOUND} driver=vfio-pci kind=040300 device=10de:10f8 iommu_group=7 vfs=
neighbour pci_address={GPU} driver=vfio-pci kind=030000 device=10de:1eb8
""",
    NIC: f"""\
pci pci_address={NIC} driver=e1000e kind=020000 device=8086:10d3 iommu_group=9 vfs=0
nic name=enp2s0
""",
    CARD: f"""\
pci pci_address={CARD} driver=nvidia kind=030000 device=10de:1eb8 iommu_group=8 vfs=
type name=nvidia-63 left=2
type name=nvidia-64 left=0
""",
}
LINK: dict[str, Any] = {"ifname": "enp2s0", "addr_info": [{"local": "fe80::1", "scope": "link"}]}
ADDRESS = {"local": "10.0.0.5", "scope": "global"}


class Host:
    """A host that answers from ``told`` and notes what it is told to do as root."""

    name, is_test = "h1", False

    def __init__(self, told: dict[str, str], *links: dict[str, Any], mdevs: str = "") -> None:
        self._told, self._links, self._mdevs = told, links or (LINK,), mdevs
        self.asked, self.done = 0, list[str]()

    def run(self, command: str) -> str:
        self.asked += 1
        wanted = [text for address, text in self._told.items() if f"\npci {address}\n" in command]
        return f"{''.join(wanted)}{self._mdevs}links\n{json.dumps(self._links)}"

    def root(self, command: str) -> str:
        self.done.append(command)
        return ""


def device(name: str, place: str, mdev_type: str = "") -> dict[str, str]:
    mdev = {"pci_address": "", "mdev_uuid": UUID, "parent": place}
    return {"name": name, "mdev_type": mdev_type} | (
        mdev if mdev_type else {"pci_address": place, "mdev_uuid": "", "parent": ""}
    )


def inputs(*devices: dict[str, str]) -> dict[str, Any]:
    return {"name": "db", "devices": list(devices)}


def prepare(host: Host, values: dict[str, Any], seen: dict[str, Any] | None = None) -> list[str]:
    said: list[str] = []
    guest_devices.prepare(Call("", said.append), cast(HostConnection, host), values, seen)
    return said


def test_a_host_tells_its_devices() -> None:
    answer = f"{''.join(TOLD.values())}mdev uuid={UUID} mdev_type=nvidia-63 parent={CARD}\n"
    links = [{**LINK, "addr_info": [*LINK["addr_info"], ADDRESS], "master": "br0"}]
    fact = pci.devices([*TOLD], [UUID]).parse(f"{answer}links\n{json.dumps(links)}")
    gpu = fact.pci[GPU]
    assert (gpu.driver, gpu.iommu_group, gpu.device) == ("nouveau", "7", "10de:1eb8")
    other = Neighbour(SOUND, "snd_hda_intel", "10de:10f8", "040300")
    assert (gpu.shared_with(()), gpu.shared_with((SOUND,))) == ([other], [])
    assert fact.pci[NIC].uses == ("network interface enp2s0 (10.0.0.5, in br0)",)
    assert fact.pci[CARD].mdev_types == {"nvidia-63": 2, "nvidia-64": 0}
    assert fact.mdevs == {UUID: MdevFact("nvidia-63", CARD)}


def test_this_machine_answers() -> None:
    question = pci.devices(["ffff:ff:1f.7"], [UUID])
    told = subprocess.run(
        ["sh", "-c", question.command], capture_output=True, text=True, check=True
    )
    assert question.parse(told.stdout) == pci.DevicesFact()
    assert pci.devices([], []).parse("") == pci.DevicesFact()


def test_a_domain_tells_its_devices() -> None:
    xml = """<domain><devices>
      <hostdev mode="subsystem" type="pci"><source><address domain="0x0000" bus="0x03" slot="0x00"
        function="0x1"/></source><alias name="ua-sound"/><address type="pci" bus="0x07"/></hostdev>
      <hostdev type="mdev"><source><address uuid="{}"/></source><alias name="hostdev1"/></hostdev>
      <hostdev type="usb"><source><address bus="1" device="2"/></source></hostdev>
    </devices></domain>"""
    shape = guest.shape(virsh.xml(xml.format(UUID.upper()).replace("<domain>", _SMALL)))
    usb = "another kind: usb"
    assert shape.devices == {"sound": SOUND, UUID: UUID, usb: usb}


_SMALL = "<domain><memory unit='MiB'>64</memory><vcpu>1</vcpu>"


@pytest.mark.parametrize(
    ("devices", "told", "link", "expected"),
    [
        ([device("nic0", NIC)], TOLD, {}, ""),
        ([device("gpu0", GPU), device("sound", SOUND)], TOLD, {}, ""),
        ([device("vgpu", CARD, "nvidia-63")], TOLD, {}, ""),
        (
            [device("nic0", NIC)],
            {},
            {},
            "guest db device nic0: is not on host 'h1', got 0000:02:00.0\n"
            "  hint: list them there: lspci -D; then mend devices.nic0.h1",
        ),
        (
            [device("nic0", NIC)],
            {NIC: TOLD[NIC].replace("group=9", "group=")},
            {},
            "guest db device nic0: has no IOMMU group, so no guest can have it, got 0000:02:00.0\n"
            "  hint: switch on VT-d or AMD-Vi in the host's firmware, and boot it with "
            "intel_iommu=on or amd_iommu=on",
        ),
        (
            [device("gpu0", GPU)],
            TOLD,
            {},
            "guest db device gpu0: shares IOMMU group 7 with devices that the guest does not get, "
            "got 0000:03:00.1 (10de:10f8, snd_hda_intel)\n"
            "  hint: give them all to this guest, or put the card into another slot",
        ),
        *(
            (
                [device("nic0", NIC)],
                TOLD,
                link,
                f"guest db device nic0: the host itself uses it, got network interface {why}\n"
                "  hint: take it out of the host's use first, or map another device",
            )
            for link, why in (
                ({"addr_info": [ADDRESS]}, "enp2s0 (10.0.0.5)"),
                ({"master": "br0"}, "enp2s0 (in br0)"),
                ({"ifname": "vlan42", "link": "enp2s0"}, "enp2s0 (under vlan42)"),
            )
        ),
        (
            [device("nvme", NIC)],
            {NIC: TOLD[NIC].replace("nic name=enp2s0", "disk name=nvme0n1p1")},
            {},
            "guest db device nvme: the host itself uses it, got disk nvme0n1p1\n"
            "  hint: take it out of the host's use first, or map another device",
        ),
        (
            [device("nic0", NIC)],
            {NIC: TOLD[NIC].replace("vfs=0", "vfs=4")},
            {},
            "guest db device nic0: a physical function cannot be given away while it has virtual "
            "functions, got 4 of them\n  hint: take them away, or give one of them",
        ),
        (
            [device("vgpu", CARD, "nvidia-63")],
            {},
            {},
            "guest db device vgpu: its parent is not on host 'h1', got 0000:04:00.0\n"
            "  hint: list them there: lspci -D; then mend devices.vgpu.h1",
        ),
        (
            [device("vgpu", CARD, "nvidia-65")],
            TOLD,
            {},
            "guest db device vgpu: its parent 0000:04:00.0 has no such type, got nvidia-65, "
            "allowed nvidia-63, nvidia-64",
        ),
        (
            [device("vgpu", NIC, "nvidia-65")],
            TOLD,
            {},
            "guest db device vgpu: its parent 0000:02:00.0 has no such type, got nvidia-65, "
            "allowed none\n  hint: its driver makes them: e1000e",
        ),
        (
            [device("vgpu", CARD, "nvidia-64")],
            TOLD,
            {},
            "guest db device vgpu: its parent 0000:04:00.0 has not enough devices of type "
            "nvidia-64 left, got 0, allowed at least 1\n"
            "  hint: take one from a guest first, or map another type or parent",
        ),
    ],
)
def test_what_a_guest_cannot_have(
    devices: list[dict[str, str]], told: dict[str, str], link: dict[str, Any], expected: str
) -> None:
    host = Host(told, {**LINK, **link})
    try:
        prepare(host, inputs(*devices))
        found = ""
    except RefusedError as error:
        found = str(error)
    assert found == expected
    assert not (found and host.done)


def test_all_that_cannot_be_is_said_at_once() -> None:
    with pytest.raises(RefusedError) as error:
        prepare(Host(TOLD), inputs(device("a", GPU), device("b", CARD, "x"), device("c", NIC)))
    assert [problem.where for problem in error.value.problems] == [
        "guest db device a",
        "guest db device b",
    ]


def test_a_mediated_device_is_made_once_and_removed() -> None:
    values, parent = inputs(device("vgpu", CARD, "nvidia-63")), f"/sys/bus/pci/devices/{CARD}"
    host = Host(TOLD)
    assert prepare(host, values) == ["db: device vgpu"]
    assert host.done == [f"echo {UUID} > {parent}/mdev_supported_types/nvidia-63/create"]
    there = Host(TOLD, mdevs=f"mdev uuid={UUID} mdev_type=nvidia-63 parent={CARD}\n")
    assert (prepare(there, values), there.done) == ([], [])
    path = f"/sys/bus/mdev/devices/{UUID}/remove"
    for new, done in ((values, []), (None, [f"[ ! -e {path} ] || echo 1 > {path}"])):
        there.done.clear()
        guest_devices.forget(cast(HostConnection, there), values, new)
        assert there.done == done


@pytest.mark.parametrize(("power", "asked"), [("running", 0), ("paused", 0), ("stopped", 1)])
def test_what_a_running_guest_has_is_not_asked_again(power: str, asked: int) -> None:
    xml = f"""<domain><devices><hostdev type="pci"><source><address domain="0" bus="{int(NIC[5:7])}"
      slot="0" function="0"/></source></hostdev></devices></domain>"""
    host = Host(TOLD)
    prepare(host, inputs(device("nic0", NIC)), {"power": power, "domain_xml": xml})
    assert host.asked == asked


def test_guests_without_devices_and_memory_hosts_are_not_asked() -> None:
    host = Host({})
    assert prepare(host, {"name": "db"}) == []
    host.is_test = True
    assert prepare(host, inputs(device("nic0", NIC))) == []
    guest_devices.forget(cast(HostConnection, host), inputs(device("vgpu", CARD, "nvidia-63")))
    assert (host.asked, host.done) == (0, [])


def test_a_preview_refuses_too_but_for_a_host_that_does_not_answer() -> None:
    values = inputs(device("gpu0", GPU))
    with pytest.raises(RefusedError):
        guest_devices.look_ahead(cast(HostConnection, Host(TOLD)), values)

    def run(_command: str) -> str:
        raise UnreachableError(Problem("host h1", "ssh failed"))

    off = cast(HostConnection, SimpleNamespace(name="h1", is_test=False, run=run))
    guest_devices.look_ahead(off, values)
    with pytest.raises(UnreachableError):
        guest_devices.prepare(Call("", lambda text: None), off, values)


def test_a_restart_that_was_taken_back_takes_the_new_devices_back() -> None:
    old, new = inputs(), inputs(device("vgpu", CARD, "nvidia-63"))
    for failed, before, after in ((True, old, new), (False, new, old)):
        host = Host(TOLD)
        try:
            with guest_devices.moved(cast(HostConnection, host), before, after):
                if failed:
                    raise MachineError(Problem("guest db", "does not start"))
        except MachineError:
            assert failed
        assert len(host.done) == 1
    host = Host(TOLD)
    with guest_devices.moved(cast(HostConnection, host), old, new):
        assert host.done == []
    assert host.done == []
