"""What a preview costs, told by the provider and by the engine, held to a limit."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from guesthouse.cli.gate import Cost, Limit, costs, refuse
from guesthouse.effects import Change, Effect
from guesthouse.errors import Problem, RefusedError
from guesthouse.provider import told
from guesthouse.provider.provider import _planned
from guesthouse.provider.resource import Call

GUEST = "urn:pulumi:one::guesthouse::guesthouse:site:Site$guesthouse:index:Guest::web"
HOST = "urn:pulumi:one::guesthouse::guesthouse:site:Site$guesthouse:index:Host::h1"


def step(op: str, urn: str, *diffs: str) -> dict[str, Any]:
    return {"resourcePreEvent": {"metadata": {"op": op, "urn": urn, "diffs": list(diffs)}}}


def line(urn: str, *changes: Change) -> dict[str, Any]:
    return {"urn": urn, "changes": [change.told() for change in changes], "refused": []}


def test_the_limits_are_the_effects_in_their_order() -> None:
    assert list(Limit) == list(dict.fromkeys(effect.word for effect in Effect))


def test_a_told_change_is_said_in_its_words_and_once() -> None:
    memory = Change("memory", "512 MiB", "768 MiB", Effect.LIVE_PERSIST, why="there is room")
    found = costs([line(GUEST, memory)], [step("update", GUEST, "domain_xml")])
    assert found == [Cost("Guest web", "memory 512 -> 768 MiB (live: there is room)", Limit.LIVE)]


@pytest.mark.parametrize(
    ("kind", "effect"),
    [
        ("guesthouse:site:Site$guesthouse:index:Guest", Limit.DESTROYS_DATA),
        ("guesthouse:site:Site$guesthouse:index:Network", Limit.LINK_LOSS),
        ("guesthouse:site:Site$guesthouse:index:Image", Limit.LIVE),
        ("guesthouse:site:Site$libvirt:index/pool:Pool", Limit.LIVE),
        ("guesthouse:site:Site", Limit.NONE),
        ("pulumi:providers:libvirt", Limit.NONE),
        ("aws:rds/instance:Instance", Limit.DESTROYS_DATA),
    ],
)
@pytest.mark.parametrize("op", ["delete", "delete-replaced"])
def test_what_is_deleted_costs_what_it_held(op: str, kind: str, effect: Limit) -> None:
    urn = f"urn:pulumi:one::guesthouse::{kind}::it"
    assert [cost.effect for cost in costs([], [step(op, urn)])] == [effect]


@pytest.mark.parametrize("op", ["same", "create", "read", "refresh"])
def test_other_steps_cost_nothing(op: str) -> None:
    assert costs([line(GUEST)], [{"preludeEvent": {}}, step(op, GUEST, "domain_xml")]) == []


def test_what_nobody_told_of_is_live_and_a_connection_none() -> None:
    bridge = Change("bridge br0 vlan", "1", "2", Effect.LIVE_PERSIST)
    assert costs([], [step("update", HOST, "files", "connection", "bridges")]) == [
        Cost("Host h1", "bridges, files changed (live)", Limit.LIVE)
    ]
    found = costs([line(HOST, bridge)], [step("update", HOST, "bridges", "packages")])
    assert [cost.what for cost in found] == [
        "bridge br0 vlan 1 -> 2 (live)",
        "packages changed (live)",
    ]
    assert costs([], [step("update", GUEST, "connection")]) == [
        Cost("Guest web", "connection changed (none)", Limit.NONE)
    ]


def test_the_limit_itself_is_not_let_through() -> None:
    found = [Cost("Guest web", "a (link_loss)", Limit.LINK_LOSS)]
    found.append(Cost("Guest db", "b (restart)", Limit.RESTART))
    refuse(Limit.MIGRATE, found)
    with pytest.raises(RefusedError) as caught:
        refuse(Limit.RESTART, found)
    assert str(caught.value) == "Guest db: b (restart) is not let through by --fail-on restart"
    assert caught.value.exit_code == 5
    with pytest.raises(RefusedError, match=r"(?s)Guest web.*Guest db"):
        refuse(Limit.LINK_LOSS, found)


class Refusing:
    """A resource that says what it found, and refuses."""

    OUTPUTS = ("token",)
    SECRET = ()

    def planned(self, call: Call, state: Any, inputs: Any) -> Any:
        call.found.append(Change("cpu", "a", "b", Effect.RESTART))
        raise RefusedError(Problem("guest web", "cpu a -> b (restart) is not allowed"))


def test_a_refused_change_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report"
    monkeypatch.setenv(told.FILE, str(file))
    _planned(cast(Any, Refusing()), Call(GUEST, print), {}, {"name": "web"})
    assert json.loads(file.read_text()) == {
        "urn": GUEST,
        "changes": [{"what": "cpu", "old": "a", "new": "b", "effect": "restart", "why": ""}],
        "refused": ["guest web: cpu a -> b (restart) is not allowed"],
    }
    assert file.stat().st_mode & 0o777 == 0o600


def test_lines_of_several_threads_do_not_mix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.tell("nobody asked", [], [])
    file = tmp_path / "report"
    monkeypatch.setenv(told.FILE, str(file))
    long = ["x" * 20_000]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: told.tell(f"urn-{number}", [], long), range(200)))
    urns = {json.loads(text)["urn"] for text in file.read_text().splitlines()}
    assert urns == {f"urn-{number}" for number in range(200)}
