"""A question to a machine: the command that asks and the function that reads the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

# Runs shell text on one machine and gives its standard output; raises MachineError.
Runner = Callable[[str], str]


@dataclass(frozen=True)
class Question(Generic[T]):
    """``command`` is POSIX shell text that only reads; ``parse`` turns its output into a fact."""

    command: str
    parse: Callable[[str], T]


def ask(run: Runner, question: Question[T]) -> T:
    """Ask one machine."""
    return question.parse(run(question.command))
