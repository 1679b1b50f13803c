"""The steps that bring a card to what is declared: number, files, attributes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from guesthouse.effects import physical_function_changes
from guesthouse.errors import MachineError, Problem
from guesthouse.facts.held import HeldNic
from guesthouse.facts.sriov import CardFact
from guesthouse.machine.configure import HostJob, configure
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import pf_state
from guesthouse.provider.resource import Values

# Attribute -> ip-link(8)'s words, in the order in which they are set.
_WORDS = {
    "mac": "mac {}",
    "vlan": "vlan {}",
    "spoof_check": "spoofchk {}",
    "trust": "trust {}",
    "link_state": "state {}",
    "max_tx_mbps": "max_tx_rate {}",
    "min_tx_mbps": "min_tx_rate {}",
}


# What the kernel says of sriov_numvfs (drivers/pci/iov.c) -> what helps.
_NO_ROOM = "the firmware left no address space for them: boot with pci=realloc, or declare fewer"
_REMEDIES = {
    "Cannot allocate memory": _NO_ROOM,
    "No space left": _NO_ROOM,
    "Device or resource busy": "somebody set their number meanwhile: `up` tries again",
    "Input/output error": "its driver refuses: see the host's kernel log (dmesg)",
}


def count_to(host: HostConnection, card: CardFact, count: int) -> None:
    """Set the number of virtual functions: any other number than 0 is set from 0 only."""
    path = f"/sys/bus/pci/devices/{card.pci_address}/sriov_numvfs"
    lines = ([f"echo 0 > {path}"] if card.vfs else []) + (
        [f"echo {count} > {path}"] if count else []
    )
    try:
        host.root("; ".join(["set -e", *lines, "udevadm settle --timeout=60"]))
    except MachineError as error:
        said = error.problems[0].got or error.problems[0].what
        hint = next((hint for words, hint in _REMEDIES.items() if words in said), "")
        what = f"{card.nic} cannot have {count} virtual functions now"
        raise MachineError(Problem(f"host {host.name}", what, said, hint=hint)) from error


def files(host: HostConnection, card: CardFact | None, job: HostJob, unit: str) -> bool:
    """Write and remove files, and have systemd read them; whether there were any."""
    if not (job.files or job.absent):
        return False
    for path in job.absent:
        if path.endswith(".service"):
            old = shlex.quote(path.rpartition("/")[2])
            host.root(f"systemctl disable -q --now {old}; systemctl reset-failed {old}; true")
    lines = ["udevadm control --reload", "systemctl daemon-reload", "networkctl reload"]
    if unit:
        lines += [f"systemctl enable -q {unit}", f"systemctl restart --no-block {unit}"]
    if card is not None:
        lines.append(f"networkctl reconfigure {shlex.quote(card.nic)}")
    configure(host.endpoint, HostJob(files=job.files, absent=job.absent, commands=tuple(lines)))
    return True


def attributes(host: HostConnection, inputs: Values, before: Values) -> None:
    """Set what is not as declared, then look; raises MachineError with all that did not hold."""
    card = pf_state.card(host, inputs)
    nic, problems = shlex.quote(card.nic), []
    todo = [*_todo(card, inputs, before), *_astray(card, pf_state.held_nics(host, card))]
    lines = [
        f"said=$(ip link set dev {nic} vf {number} {words} 2>&1) || echo {index} $said"
        for index, (number, words) in enumerate(todo)
    ]
    for line in host.root("\n".join([*lines, "true"])).splitlines():
        index, _, said = line.partition(" ")
        number, words = todo[int(index)]
        what = f"VF {number}: the card refuses `{words}`"
        hint = f"take it away, or see that {card.nic} has a link: some cards set rates then only"
        problems.append(Problem(pf_state.title(inputs), what, said, hint=hint))
    seen = pf_state.seen(pf_state.card(host, inputs), host, inputs)
    for change in () if problems else physical_function_changes(seen, inputs, ()):
        what = f"did not become as declared: {change.what} is {change.old or 'none'}"
        problems.append(Problem(pf_state.title(inputs), what, allowed=change.new or "none"))
    if problems:
        raise MachineError(*problems)


def _todo(card: CardFact, inputs: Values, before: Values) -> Iterator[tuple[str, str]]:
    """(number, words for ip-link(8)) of all that differs."""
    seen_vfs = {number: pf_state.vf(card, int(number), vf) for number, vf in inputs["vfs"].items()}
    for number, vf in inputs["vfs"].items():
        wanted: dict[str, Any] = dict(vf)
        seen = dict(seen_vfs[number])
        was_fixed = "vlan" in before.get("vfs", {}).get(number, {})
        if was_fixed and "vlan" not in wanted and not card.vfs[int(number)].is_held:
            told = card.vfs[int(number)]
            wanted |= pf_state.POOL_AGAIN
            seen |= {
                "mac": told.mac.replace(pf_state.NO_MAC, ""),
                "vlan": told.vlan,
                "qos": told.qos,
            }
        for name, words in _WORDS.items():
            if name not in wanted:
                continue
            differs = seen[name] != wanted[name] or (
                name == "vlan" and seen["qos"] != wanted["qos"]
            )
            if differs:
                yield number, words.format(_value(name, wanted))


def _astray(card: CardFact, nics: Mapping[int, HeldNic]) -> Iterator[tuple[str, str]]:
    """What makes guests' virtual functions as their documents say again."""
    for number, nic in nics.items():
        vf = card.vfs[number]
        if vf.vlan != nic.vlan:
            yield str(number), f"vlan {nic.vlan}"
        if vf.mac != nic.mac and not vf.trust:
            yield str(number), f"mac {nic.mac}"


def _value(name: str, wanted: Mapping[str, Any]) -> str:
    value = wanted[name]
    if isinstance(value, bool):
        return "on" if value else "off"
    if name == "vlan" and value:
        return f"{value} qos {wanted['qos']}"
    return str(value) or pf_state.NO_MAC
