"""What the hosts of the lab must be to each other."""

from __future__ import annotations

from collections.abc import Iterator

from guesthouse.errors import Problem
from guesthouse.model.lab import RESERVED_SEGMENTS
from guesthouse.model.order import Known
from guesthouse.model.problems import problem
from guesthouse.model.site import Site


def problems(site: Site, hosts: Known) -> Iterator[Problem]:
    """``hosts`` gives the problems of a reference to one."""
    emulated = [name for name, place in site.lab.items() if place.kind == "emulated"]
    for name, place in site.lab.items():
        path = ("lab", name)
        yield from hosts(path, name)
        if place.kind == "emulated" and len(emulated) != 2:
            what = "emulated hosts come in pairs"
            hint = "declare it for two hosts, whose cards are wired to each other, or for none"
            yield problem((*path, "kind"), what, str(len(emulated)), "2", hint)
        if place.kind == "emulated" and place.segments:
            hint = "an emulated host has the trunk and its card"
            yield problem((*path, "segments"), "are for container hosts", hint=hint)
        for index, segment in enumerate(place.segments):
            here = (*path, "segments", str(index))
            if segment in RESERVED_SEGMENTS:
                yield problem(here, "each host is wired to this one anyway", segment)
            elif segment in place.segments[:index]:
                yield problem(here, "is here twice", segment)
