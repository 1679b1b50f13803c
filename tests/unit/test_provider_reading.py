"""A look that failed at once is taken once more; one that took its time is not."""

from __future__ import annotations

from collections.abc import Callable

import libvirt
import pytest

from guesthouse.errors import GuesthouseError, MachineError, Problem, RefusedError, UnreachableError
from guesthouse.provider import reading

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
