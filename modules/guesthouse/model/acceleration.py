"""What a host's acceleration asks of the host and of its guests."""

from __future__ import annotations

from collections.abc import Iterator

from guesthouse.errors import Problem
from guesthouse.model.problems import problem
from guesthouse.model.site import Site


def problems(site: Site) -> Iterator[Problem]:
    """TCG on a host of pure memory, and the processor of a host that emulates one."""
    for name, host in site.hosts.items():
        if host.libvirt_uri and host.acceleration == "tcg":
            what = "a host of libvirt's test driver runs no guests"
            hint = "take 'acceleration' or 'libvirt_uri' away"
            yield problem(("hosts", name, "acceleration"), what, "tcg", "'kvm'", hint, "host")
    for name, guest in site.guests.items():
        on = site.hosts.get(guest.host)
        if on and on.acceleration == "tcg" and guest.cpu == "host-passthrough":
            what = f"host '{guest.host}' emulates the processor (acceleration: tcg)"
            hint = "none named is 'maximum' there"
            allowed = "'host-model', 'maximum'"
            yield problem(("guests", name, "cpu"), what, guest.cpu, allowed, hint)
