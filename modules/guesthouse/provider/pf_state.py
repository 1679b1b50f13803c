"""A physical function as a host has it, in the words of the inputs; and who holds its VFs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from guesthouse.errors import Problem, RefusedError
from guesthouse.facts import functions, sriov
from guesthouse.facts import held as held_facts
from guesthouse.facts import host as facts
from guesthouse.facts.held import HeldNic
from guesthouse.facts.question import ask
from guesthouse.facts.sriov import CardFact
from guesthouse.machine.connections import HostConnection
from guesthouse.provider.resource import Values

# What a virtual function that was the host's gets back when it goes to guests.
POOL_AGAIN = {"mac": "", "vlan": 0, "qos": 0}
NO_MAC = "00:00:00:00:00:00"


def title(inputs: Values) -> str:
    return f"{inputs['connection']['name']} physical function {inputs['name']}"


def card(host: HostConnection, inputs: Values) -> CardFact:
    """The one interface that is meant; raises RefusedError when it cannot be what is declared."""
    found = ask(host.run, sriov.cards())
    fits = sriov.chosen(found, inputs["select"])
    wanted = ", ".join(f"{key} {value}" for key, value in inputs["select"].items())
    able = [f"{c.nic} ({c.pci_address}, {c.driver}, {c.device})" for c in found if c.total]
    if len(fits) != 1:
        what = "is no network card of this host" if not fits else "is more than one"
        got = ", ".join(card.nic for card in fits) or wanted
        allowed = ", ".join(able) or "no card here has SR-IOV"
        hint = "choose one, by its pci_address too" if fits else "list them: ip -d link"
        raise RefusedError(Problem(title(inputs), what, got, allowed, hint))
    one, count = fits[0], int(inputs["virtual_functions"])
    if count > one.total:
        most = f"at most {one.total}" if one.total else ""
        what = "the card cannot have so many" if one.total else f"{one.nic} has no SR-IOV"
        hint = (
            "" if one.total else f"with SR-IOV: {', '.join(able) or 'none'}; see the firmware too"
        )
        raise RefusedError(
            Problem(f"{title(inputs)}.virtual_functions", what, str(count), most, hint)
        )
    return one


def seen(card_: CardFact, host: HostConnection, wanted: Values) -> dict[str, Any]:
    """What is declared, as it is there."""
    files = ask(host.run, facts.files(filled(wanted["files"], card_)))
    nics = held_nics(host, card_)
    return {
        "nic": card_.nic,
        "virtual_functions": len(card_.vfs),
        "vfs": {
            number: {**vf(card_, int(number), declared), "strays": _strays(card_, number, nics)}
            for number, declared in wanted["vfs"].items()
            if int(number) in card_.vfs
        },
        "files": {
            path: {**asdict(fact), "content": emptied(fact.content, wanted["files"][path], card_)}
            for path, fact in files.items()
        },
    }


def vf(card_: CardFact, number: int, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told = asdict(card_.vfs[number])
    found = {name: told[name] for name in wanted if name in told}
    # Fixed, without a MAC of its own: whatever the card gave it is right.
    if "mac" in found and not wanted["mac"]:
        found["mac"] = ""
    return found


def held_nics(host: HostConnection, card_: CardFact) -> dict[int, HeldNic]:
    """Number -> the running guest's NIC that has this virtual function."""
    held = {vf.pci_address: vf.number for vf in card_.vfs.values() if vf.is_held}
    if not held:
        return {}
    found = ask(host.root, held_facts.held_nics())
    return {held[place]: nic for place, nic in found.items() if place in held}


def _strays(card_: CardFact, number: str, nics: Mapping[int, HeldNic]) -> str:
    """What the card has otherwise than the guest's document says; empty when nothing."""
    nic, vf_ = nics.get(int(number)), card_.vfs[int(number)]
    if nic is None:
        return ""
    pairs: list[tuple[str, Any, Any]] = [("VLAN", vf_.vlan or "none", nic.vlan or "none")]
    if not vf_.trust:
        # A trusted guest may choose its MAC.
        pairs.append(("MAC", vf_.mac, nic.mac))
    other = [f"{what} {seen}, not {wanted}" for what, seen, wanted in pairs if seen != wanted]
    return f"{nic.guest} has {', '.join(other)}" if other else ""


def filled(files: Mapping[str, Mapping[str, str]], card_: CardFact) -> dict[str, dict[str, str]]:
    """The files with their holes filled as the host has the card."""
    return {
        path: {**file, "content": _fill(file["content"], card_)} for path, file in files.items()
    }


def emptied(content: str, file: Mapping[str, str], card_: CardFact) -> str:
    """The declared text when the host's is that one filled, else the host's."""
    return file["content"] if content == _fill(file["content"], card_) else content


def _fill(text: str, card_: CardFact) -> str:
    return text.replace("@PCI@", card_.pci_address).replace("@NIC@", card_.nic)


def holders(host: HostConnection, card_: CardFact) -> dict[int, str]:
    """Number -> who has this virtual function: a guest's name, or its PCI address."""
    held = {vf.number: vf for vf in card_.vfs.values() if vf.is_held}
    if not held:
        return {}
    guests: dict[str, str] = {}
    for domain in host.libvirt.listAllDomains(1):  # VIR_CONNECT_LIST_DOMAINS_ACTIVE
        guests |= functions.holders(domain.XMLDesc(0))
    return {n: _holder(guests.get(vf.pci_address, ""), vf.pci_address) for n, vf in held.items()}


def _holder(guest: str, place: str) -> str:
    return f"guest {guest}" if guest else f"whoever has {place}"
