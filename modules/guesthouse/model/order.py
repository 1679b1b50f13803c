"""In which order guests start: each after those that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from guesthouse.errors import Problem
from guesthouse.model.site import Site

Known = Callable[[tuple[str, ...], str], Iterator[Problem]]


def start_order(start_after: Mapping[str, Sequence[str]]) -> list[str]:
    """The guests, each behind all that it starts after; raises CycleError (graphlib)."""
    return list(TopologicalSorter(start_after).static_order())


def problems(site: Site, known: Known) -> Iterator[Problem]:
    """Guests that wait for one that is not there, for themselves or in a circle.

    ``known`` gives the problems of a reference to a guest.
    """
    waits: dict[str, list[str]] = {}
    for name, guest in site.guests.items():
        waits[name] = [other for other in guest.start_after if other in site.guests]
        for index, other in enumerate(guest.start_after):
            path = ("guests", name, "start_after", str(index))
            yield from known(path, other)
    try:
        start_order(waits)
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        here = ("guests", circle[0], "start_after")
        hint = "take one of them out"
        yield Problem(
            ".".join(here), "guests wait for each other", " -> ".join(circle), hint=hint, path=here
        )
