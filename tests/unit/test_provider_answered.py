"""When a changed guest is awaited again, and what the state keeps of one that was not asked."""

from __future__ import annotations

from typing import Any

import pytest

from guesthouse.effects import Change, Effect
from guesthouse.provider import guest_state
from guesthouse.provider.waiting import Evidence

KEYS = ["ssh-ed25519 AAAA"]
SEEN: dict[str, Any] = {
    "power": "running",
    "ssh_host_keys": KEYS,
    "addresses": {"lan0": ["10.9.0.11"], "nat0": []},
}
WANTED: dict[str, Any] = {
    "power": "running",
    "login": "admin",
    "domain_xml": "<domain/>",
    "autostart": True,
    "disks": [],
    "seed": {},
    "secrets": {"x": "y"},
    "uuid": "5",
}
MEMORY = Change("memory", "512 MiB", "768 MiB", Effect.LIVE, ("memory",), "memory")
NIC = Change("NIC lan0", "", "there", Effect.LIVE, ("devices", "interface", "5"), "+interface")
VLAN = Change("NIC vf0 VLAN", "1", "2", Effect.LINK_LOSS, ("devices", "interface", "6"), "vf/vlan")


@pytest.mark.parametrize(
    ("seen", "wanted", "todo", "answered"),
    [
        ({}, {}, [], True),
        ({}, {}, [MEMORY], True),
        # Another address, perhaps.
        ({}, {}, [MEMORY, NIC], False),
        ({}, {}, [VLAN], False),
        ({"power": "stopped"}, {}, [], False),
        ({"power": "paused"}, {}, [], False),
        ({}, {"power": "paused"}, [], False),
        ({"power": "paused"}, {"power": "paused"}, [], False),
        # With a login it has to tell its keys, without one to give any sign of life.
        ({"ssh_host_keys": []}, {}, [], False),
        ({"ssh_host_keys": []}, {"login": ""}, [], True),
        ({"addresses": {"lan0": [], "nat0": []}}, {}, [], True),
        ({"addresses": {"lan0": [], "nat0": []}}, {"login": ""}, [], False),
        ({"addresses": {}}, {"login": ""}, [], False),
    ],
)
def test_who_has_told_all_is_not_awaited(
    seen: dict[str, Any], wanted: dict[str, Any], todo: list[Change], answered: bool
) -> None:
    assert guest_state.has_answered({**SEEN, **seen}, {**WANTED, **wanted}, todo) is answered


@pytest.mark.parametrize(
    ("power", "evidence", "seen", "keys"),
    [
        ("running", Evidence(ssh_host_keys=("new",)), SEEN, ("new",)),
        ("running", None, SEEN, KEYS),
        ("stopped", Evidence(), SEEN, KEYS),
        # Made just now: nobody has seen it before.
        ("stopped", None, None, Evidence().ssh_host_keys),
    ],
)
def test_one_that_is_not_asked_keeps_what_it_told(
    power: str, evidence: Evidence | None, seen: dict[str, Any] | None, keys: Any
) -> None:
    state = guest_state.state({**WANTED, "power": power}, "t", evidence, None, seen)
    assert state["ssh_host_keys"] == keys
    assert state["addresses"] == (SEEN["addresses"] if keys is KEYS else {})
    assert "secrets" not in state["declared"]
