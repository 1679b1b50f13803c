"""Cables are all pulled before the first is pushed, and pushed whatever happens."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import libvirt
import pytest
from fake_libvirt import error

from guesthouse.effects.units import parse
from guesthouse.errors import MachineError
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import plugs
from guesthouse.provider.plugs import Plug, plug_in

NIC = (
    "<interface type='network'><mac address='52:54:00:00:00:01'/>"
    "<source network='nat' portid='5' bridge='virbr1'/><model type='virtio'/></interface>"
)


class Cables:
    """A host's guests, each with a NIC; what is done to them, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **refuses: tuple[str, int]) -> None:
        self.log: list[str] = []
        self.refuses = refuses
        monkeypatch.setattr(plugs.time, "sleep", lambda seconds: self.log.append(f"{seconds} s"))
        root = self.log.append
        self.host = cast(HostConnection, SimpleNamespace(is_test=False, root=root))

    def plug(self, name: str) -> Plug:
        def update(xml: str, flags: int) -> None:
            assert flags == libvirt.VIR_DOMAIN_AFFECT_LIVE
            nic = parse(xml)
            assert dict(nic.find("source").attrib) == {"network": "nat"}
            does = "pushed" if nic.find("link") is None else "pulled"
            self.log.append(f"{name} {does}")
            if does in self.refuses.get(name, ("", 0))[0]:
                raise error(self.refuses[name][1])

        domain: Any = SimpleNamespace(updateDeviceFlags=update)
        return Plug(name, f"vnet-{name}", NIC, domain)


def test_a_guest_has_time_to_see_that_its_cable_is_out(monkeypatch: pytest.MonkeyPatch) -> None:
    cables = Cables(monkeypatch)
    plug_in(cables.host, "virbr1", [cables.plug("web"), cables.plug("db")])
    assert cables.log[0].startswith("ip link set dev vnet-web master virbr1")
    assert cables.log[1:] == ["web pulled", "db pulled", "2.0 s", "web pushed", "db pushed"]


def test_nobody_is_waited_for_where_nobody_is_plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    cables = Cables(monkeypatch)
    plug_in(cables.host, "virbr1", [])
    assert cables.log == []


@pytest.mark.parametrize("does", ["pulled", "pushed", "pulled and pushed"])
def test_who_refuses_is_told_and_the_others_are_pushed(
    monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    cables = Cables(
        monkeypatch,
        web=(does, libvirt.VIR_ERR_INTERNAL_ERROR),
        gone=("pulled", libvirt.VIR_ERR_NO_DOMAIN),
    )
    with pytest.raises(MachineError) as caught:
        plug_in(cables.host, "virbr1", [cables.plug(name) for name in ("web", "gone", "db")])
    assert [problem.where for problem in caught.value.problems] == ["guest web"]
    assert cables.log[-3:] == ["web pushed", "gone pushed", "db pushed"]


def test_a_ctrl_c_leaves_no_cable_out(monkeypatch: pytest.MonkeyPatch) -> None:
    cables = Cables(monkeypatch)

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(plugs.time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        plug_in(cables.host, "virbr1", [cables.plug("web")])
    assert cables.log[-1] == "web pushed"
