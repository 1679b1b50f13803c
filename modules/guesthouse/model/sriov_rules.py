"""What physical functions must say about themselves and each other."""

from __future__ import annotations

from collections.abc import Iterator

from guesthouse.errors import Problem
from guesthouse.model.host import Host
from guesthouse.model.physical_function import PhysicalFunction
from guesthouse.model.problems import problem

Path = tuple[str, ...]


def problems(path: Path, host: Host) -> Iterator[Problem]:
    """Of one host, whose path is ``path``."""
    chosen: dict[tuple[str, str], str] = {}
    for name, function in host.physical_functions.items():
        here = (*path, "physical_functions", name)
        if not function.select:
            hint = "name it by 'nic', 'pci_address', 'driver', 'device' or 'alias'"
            yield problem(here, "does not say which interface it is", hint=hint)
        for field in ("nic", "pci_address"):
            value = getattr(function, field)
            other = chosen.setdefault((field, value), name) if value else name
            if other != name:
                yield problem((*here, field), f"is already physical function '{other}'", value)
        yield from _fixed(here, function)


def _fixed(path: Path, function: PhysicalFunction) -> Iterator[Problem]:
    count = function.virtual_functions
    for number, fixed in function.fixed.items():
        here = (*path, "fixed", str(number))
        if number >= count:
            allowed = f"0 to {count - 1}" if count else "none"
            hint = "raise 'virtual_functions': they are numbered from 0"
            yield problem(here, "there is no such virtual function", number, allowed, hint)
        if fixed.qos and not fixed.vlan:
            hint = "a priority is part of the VLAN tag: say 'vlan' too"
            yield problem((*here, "qos"), "needs a VLAN", fixed.qos, hint=hint)
        both = function.virtual_function(number)
        yield from _rates(here, both["min_tx_mbps"], both["max_tx_mbps"])
    defaults = function.defaults
    yield from _rates((*path, "defaults"), defaults.min_tx_mbps or 0, defaults.max_tx_mbps or 0)


def _rates(path: Path, least: int, most: int) -> Iterator[Problem]:
    if most and least > most:
        allowed = f"at most {most}, its max_tx_mbps"
        yield problem((*path, "min_tx_mbps"), "is more than it may send", least, allowed)
