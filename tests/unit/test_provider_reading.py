"""A look that failed at once is taken once more; one that took its time is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import libvirt
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from guesthouse.errors import GuesthouseError, MachineError, Problem, RefusedError, UnreachableError
from guesthouse.provider import reading
from guesthouse.provider.guest import GuestResource
from guesthouse.provider.provider import GuesthouseProvider
from guesthouse.provider.server import Servicer

BROKEN = MachineError(Problem("host h1", "ssh broke\nin the midst"))


class Machine:
    """Gives or raises one answer after the other, each after ``takes_s`` of ``now``."""

    def __init__(self, *answers: str | Exception, takes_s: float = 1.0) -> None:
        self.answers = list(answers)
        self.takes_s, self.now = takes_s, 0.0
        self.said: list[str] = []

    def read(self) -> str:
        self.now += self.takes_s
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def twice(monkeypatch: pytest.MonkeyPatch) -> Callable[[Machine], str]:
    def run(machine: Machine) -> str:
        monkeypatch.setattr(reading.time, "monotonic", lambda: machine.now)
        monkeypatch.setattr(reading.time, "sleep", lambda seconds: None)
        return reading.read_twice(machine.read, machine.said.append)

    return run


@pytest.mark.parametrize("error", [BROKEN, UnreachableError(), libvirt.libvirtError("broke")])
def test_what_failed_at_once_is_looked_at_again(
    twice: Callable[[Machine], str], error: Exception
) -> None:
    machine = Machine(error, "there")
    assert twice(machine) == "there"
    assert len(machine.said) == 1


def test_the_first_line_of_the_reason_is_said(twice: Callable[[Machine], str]) -> None:
    machine = Machine(BROKEN, "there")
    twice(machine)
    assert machine.said[0].endswith("host h1: ssh broke")


@pytest.mark.parametrize(
    ("machine", "left"),
    [
        (Machine("there", "never"), 1),
        # A host that is away costs its time once.
        (Machine(UnreachableError(Problem("host h1", "is away")), "never", takes_s=30.0), 1),
        # Nothing about it would be otherwise.
        (Machine(RefusedError(Problem("card", "is not there")), "never"), 1),
        (Machine(BROKEN, BROKEN, "never"), 1),
    ],
)
def test_no_more_looks_than_help(
    twice: Callable[[Machine], str], machine: Machine, left: int
) -> None:
    if machine.answers[0] == "there":
        assert twice(machine) == "there"
    else:
        with pytest.raises(GuesthouseError):
            twice(machine)
    assert len(machine.answers) == left


def test_a_refresh_outlives_one_broken_link(monkeypatch: pytest.MonkeyPatch) -> None:
    state = {"connection": {"name": "h1", "maintenance": False}, "power": "running"}
    answers: list[Any] = [BROKEN, {**state, "power": "paused"}]

    def read(resource: GuestResource, resource_id: str, state: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(GuestResource, "read", read)
    monkeypatch.setattr(reading, "PAUSE_S", 0.0)
    properties = struct_pb2.Struct()
    properties.update(state)
    urn = "urn:pulumi:test::guesthouse::guesthouse:index:Guest::web"
    request = provider_pb2.ReadRequest(id="5", urn=urn, properties=properties)
    answer = asyncio.run(Servicer([], "0", GuesthouseProvider(None), "").Read(request, None))
    assert answer.properties["power"] == "paused"
    assert answers == []
