"""What devices and the guests that get them must say about each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from guesthouse.errors import Problem
from guesthouse.model.device import MdevPlace
from guesthouse.model.guest import Guest
from guesthouse.model.order import Known
from guesthouse.model.problems import problem, quoted
from guesthouse.model.site import Site


def problems(site: Site, hosts: Known, devices: Known) -> Iterator[Problem]:
    """``hosts`` and ``devices`` give the problems of a reference to one."""
    for name, places in site.devices.items():
        for host in places:
            yield from hosts(("devices", name, host), host)
    for host in site.hosts:
        yield from _places(site, host)
    given: dict[tuple[str, str], str] = {}
    for name, guest in site.guests.items():
        yield from _guest(site, name, guest, given, devices)


def _places(site: Site, host: str) -> Iterator[Problem]:
    """Each address of a host is one thing: one device, the parent of several, or the host's."""
    functions = {
        function.pci_address: name
        for name, function in site.hosts[host].physical_functions.items()
        if function.pci_address
    }
    here = {name: places[host] for name, places in site.devices.items() if host in places}
    parents = {place.parent: n for n, place in here.items() if isinstance(place, MdevPlace)}
    owners: dict[str, str] = {}
    for name, place in here.items():
        if isinstance(place, MdevPlace):
            continue
        path = ("devices", name, host)
        if (other := owners.setdefault(place, name)) != name:
            hint = "one device has one portable name: take one of the two out"
            yield problem(path, f"is already device '{other}' on host '{host}'", place, hint=hint)
        elif place in parents:
            hint = "what is given away whole has no mediated devices: take one of the two out"
            what = f"is the parent of device '{parents[place]}' on host '{host}'"
            yield problem(path, what, place, hint=hint)
        elif place in functions:
            what = "a physical function cannot be given away while its virtual functions are"
            hint = f"it is hosts.{host}.physical_functions.{functions[place]}: take one of them out"
            yield problem(path, f"{what} declared", place, hint=hint)


def _guest(
    site: Site, name: str, guest: Guest, given: dict[tuple[str, str], str], known: Known
) -> Iterator[Problem]:
    for index, device in enumerate(guest.devices):
        path = ("guests", name, "devices", str(index))
        yield from known(path, device)
        places = site.devices.get(device)
        if places is None or guest.host not in site.hosts:
            continue
        if device in guest.devices[:index]:
            yield problem(path, "is here twice", device)
        elif guest.host not in places:
            what = f"the device is not on host '{guest.host}'"
            allowed = quoted(_on(site.devices, guest.host))
            yield problem(
                path, what, device, allowed, f"say where it is: devices.{device}.{guest.host}"
            )
        elif isinstance(places[guest.host], str):
            # A mediated device is made for each guest, a PCI device is there once.
            other = given.setdefault((guest.host, device), name)
            if other != name:
                hint = "one guest at a time can have it: take it from one of the two"
                yield problem(path, f"is already given to guest '{other}'", device, hint=hint)


def _on(devices: Mapping[str, Mapping[str, object]], host: str) -> list[str]:
    return [name for name, places in devices.items() if host in places]
