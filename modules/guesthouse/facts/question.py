"""A question to a machine: the command that asks and the function that reads the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from guesthouse.errors import MachineError, Problem

T = TypeVar("T")

# Runs shell text on one machine and gives its standard output; raises MachineError.
Runner = Callable[[str], str]


@dataclass(frozen=True)
class Question(Generic[T]):
    """``command`` is POSIX shell text that only reads; ``parse`` turns its output into a fact."""

    command: str
    parse: Callable[[str], T]


def ask(run: Runner, question: Question[T]) -> T:
    """Ask one machine; raises MachineError when its answer cannot be read."""
    return read(question, run(question.command))


def read(question: Question[T], output: str, where: str = "machine") -> T:
    """What a machine's ``output`` says; raises MachineError when it cannot be read.

    A machine may say anything, and so every error of reading it is its own.
    """
    try:
        return question.parse(output)
    except MachineError:
        raise
    except Exception as error:
        raise MachineError(Problem(where, ODD, got=why(error))) from error


ODD = "its answer cannot be read"


def why(error: Exception) -> str:
    """An error of reading in one short, printable line."""
    text = f"{type(error).__name__}: {error}"[:200]
    return "".join(letter if letter.isprintable() else "?" for letter in text)
