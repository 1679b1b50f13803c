"""The base of all our resources: read, compare, classify, change.

State of a resource = its inputs as the machine has them (so that drift is a difference of
inputs) + `declared`, the inputs as last applied + what only the machine knows (`OUTPUTS`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from guesthouse.effects import Change
from guesthouse.errors import Problem, RefusedError
from guesthouse.machine.connections import Connections, HostConnection

Values = Mapping[str, Any]


class InitFailed(Exception):
    """The object exists and belongs in the state, but is not ready."""

    def __init__(self, resource_id: str, state: dict[str, Any], reason: str) -> None:
        super().__init__(reason)
        self.resource_id = resource_id
        self.state = state
        self.reason = reason


@dataclass(frozen=True)
class Call:
    """One request: whose resource (``urn``), and ``say``, which puts a line on its display.

    ``noted`` are the changes that a preview found, for whoever makes a report of it.
    """

    urn: str
    say: Callable[[str], None]
    noted: list[Change] = field(default_factory=list)


class Resource(ABC):
    """One noun. Methods block; the provider runs them in threads."""

    COMPARED: ClassVar[tuple[str, ...]]
    OUTPUTS: ClassVar[tuple[str, ...]] = ()
    SECRET: ClassVar[tuple[str, ...]] = ()

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def host(self, values: Values) -> HostConnection:
        """The host that a resource lives on."""
        return self._connections.get(values["connection"])

    @property
    def watched(self) -> tuple[str, ...]:
        """All properties that `diff` looks at."""
        return (*self.COMPARED, "connection")

    def diff(self, state: Values, inputs: Values) -> dict[str, str]:
        """Changed properties -> 'add', 'delete' or 'update'. Pure, never raises."""
        changed: dict[str, str] = {}
        # In maintenance it is not contacted, so nothing is planned but that it is.
        left_alone = inputs["connection"].get("maintenance")
        for name in ("connection",) if left_alone else self.watched:
            old, new = state.get(name), inputs.get(name)
            if _normal(old) != _normal(new):
                changed[name] = "add" if old is None else "delete" if new is None else "update"
        return changed

    @abstractmethod
    def planned(self, call: Call, state: Values | None, inputs: Values) -> dict[str, Any]:
        """Preview of create (``state`` None) or update: says effects; raises RefusedError
        with all that `update` would refuse."""

    @abstractmethod
    def create(self, call: Call, inputs: Values) -> tuple[str, dict[str, Any]]:
        """Make it, or adopt our own half-made one: (id, state)."""

    @abstractmethod
    def read(self, resource_id: str, state: Values) -> dict[str, Any] | None:
        """The state as the machine has it now; None when it is gone."""

    @abstractmethod
    def update(self, call: Call, resource_id: str, state: Values, inputs: Values) -> dict[str, Any]:
        """Make it as ``inputs`` say."""

    @abstractmethod
    def delete(self, call: Call, resource_id: str, state: Values) -> None:
        """Remove what we made; what is gone already is no error."""


def _normal(value: Any) -> Any:
    """Numbers come as int or float, sequences as list or tuple: equal all the same."""
    if isinstance(value, Mapping):
        return {key: _normal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(item) for item in value]
    return value


def same_host(name: str, state: Values, inputs: Values) -> None:
    """Moving is not possible in this version: refuse it by name."""
    old, new = _hosts(state, inputs)
    if old != new:
        raise RefusedError(
            Problem(
                name,
                f"can't be moved from host '{old}' to host '{new}' yet",
                hint=f"put `host: {old}` back, or remove it, run `up`, and declare it anew",
            )
        )


def same_object(name: str, state: Values, inputs: Values) -> None:
    """Refuse the state of another object: resources that are named after their host don't move,
    but in older states host ``a`` with ``b-c`` and host ``a-b`` with ``c`` have one name."""
    old, new = _hosts(state, inputs)
    if old != new:
        raise RefusedError(
            Problem(
                f"{name} on {new}",
                f"the state has one of host '{old}' under its name",
                hint="take it out of the site file, run `up`, and declare it again",
            )
        )


def _hosts(state: Values, inputs: Values) -> tuple[str, str]:
    return state["connection"]["name"], inputs["connection"]["name"]
