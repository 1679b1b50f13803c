"""Physical functions: how many virtual functions, and what the host sets of each.

The host sets their number, trust, spoof check, link state and rates, and the MAC and VLAN of fixed
ones. MAC and VLAN of all others belong to the guests that have them: libvirt sets and restores
them. systemd's files bring it all back at a reboot; now it is set by ip-link(8) and sysfs.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, ClassVar

from guesthouse.effects import Change, physical_function_changes, refused
from guesthouse.errors import MachineError, Problem, RefusedError
from guesthouse.facts.sriov import CardFact
from guesthouse.machine.configure import HostJob, configure
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import ownership, pf_state
from guesthouse.provider.changes import summary
from guesthouse.provider.resource import Call, Resource, Values, same_host
from guesthouse.provider.values import UNKNOWN

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


class PhysicalFunctionResource(Resource):
    """Inputs: connection, mark, uuid, name, select, virtual_functions, vfs, files, unit, allow."""

    COMPARED: ClassVar[tuple[str, ...]] = ("select", "virtual_functions", "vfs", "files")
    OUTPUTS: ClassVar[tuple[str, ...]] = ("nic",)

    def planned(self, call: Call, state: Values | None, inputs: Values) -> dict[str, Any]:
        if state is None:
            self._refuse_impossible(inputs)
            return {**inputs, "nic": UNKNOWN, "declared": _declared(inputs)}
        same_host(pf_state.title(inputs), state, inputs)
        counts = [v["virtual_functions"] for v in (state, inputs)]
        held: list[str] = []
        if counts[0] != counts[1]:
            host = self.host(inputs)
            held = [*pf_state.holders(host, pf_state.card(host, inputs)).values()]
        _say_and_refuse(call, inputs, physical_function_changes(state, inputs, held))
        return {**state, **inputs, "declared": _declared(inputs)}

    def _refuse_impossible(self, inputs: Values) -> None:
        """What the card cannot be or have. A host that does not answer yet is asked by `up`."""
        with suppress(MachineError):
            pf_state.card(self.host(inputs), inputs)

    def create(self, call: Call, inputs: Values) -> tuple[str, dict[str, Any]]:
        return str(inputs["uuid"]), self._bring(call, inputs, {})

    def read(self, resource_id: str, state: Values) -> dict[str, Any] | None:
        host = self.host(state)
        try:
            card = pf_state.card(host, {**state, **state["declared"]})
        except RefusedError:
            # The card is gone, or another: what is declared has to be said again.
            return None
        return {**state, **pf_state.seen(card, host, state["declared"])}

    def update(self, call: Call, resource_id: str, state: Values, inputs: Values) -> dict[str, Any]:
        same_host(pf_state.title(inputs), state, inputs)
        return self._bring(call, inputs, state["declared"])

    def delete(self, call: Call, resource_id: str, state: Values) -> None:
        host = self.host(state)
        with host.lock(resource_id):
            record = ownership.read_record(host, resource_id)
            files = record.items if record else tuple(state["declared"]["files"])
            try:
                card = pf_state.card(host, {**state, "virtual_functions": 0})
            except RefusedError:
                card = None
            if card is not None and card.vfs:
                held = pf_state.holders(host, card)
                if held:
                    what = f"its virtual functions are held by {', '.join(held.values())}"
                    raise RefusedError(Problem(pf_state.title(state), what))
                _count(host, card, 0)
            _files(host, card, HostJob(absent=files), "")
            ownership.remove_record(host, resource_id)

    def _bring(self, call: Call, inputs: Values, before: Values) -> dict[str, Any]:
        """Make it as declared, whatever is there; ``before`` is what was declared last."""
        host, key = self.host(inputs), str(inputs["uuid"])
        with host.lock(key):
            card = pf_state.card(host, inputs)
            _refuse_configured(inputs, card)
            record = ownership.read_record(host, key)
            was = set(record.items) if record else set()
            seen = pf_state.seen(card, host, inputs)
            held = pf_state.holders(host, card)
            _say_and_refuse(call, inputs, physical_function_changes(seen, inputs, held.values()))
            token = record.token if record else ownership.new_token()
            wanted = set(inputs["files"])
            _record(host, inputs, token, False, was | wanted)
            if seen["virtual_functions"] != inputs["virtual_functions"]:
                if held:
                    what = f"virtual functions are held by {', '.join(held.values())}"
                    hint = "detach them first: this version does not detach and attach them itself"
                    raise RefusedError(Problem(pf_state.title(inputs), what, hint=hint))
                _count(host, card, int(inputs["virtual_functions"]))
            files = {p: f for p, f in inputs["files"].items() if seen["files"].get(p) != f}
            job = HostJob(files=pf_state.filled(files, card), absent=tuple(sorted(was - wanted)))
            _files(host, card, job, str(inputs["unit"]))
            _attributes(host, inputs, before)
            _record(host, inputs, token, True, wanted)
        return {**inputs, "nic": card.nic, "declared": _declared(inputs)}


def _declared(inputs: Values) -> dict[str, Any]:
    return {name: inputs[name] for name in ("virtual_functions", "vfs", "files")}


def _say_and_refuse(call: Call, inputs: Values, found: list[Change]) -> None:
    """Say what changes; raise RefusedError for what is not permitted."""
    title = pf_state.title(inputs)
    if found:
        call.say(summary(title, found))
    place = f"hosts.{inputs['connection']['name']}.physical_functions.{inputs['name']}"
    problems = [
        Problem(title, f"{change} is not allowed", hint=f"permit it: {place}.allow: [link_loss]")
        for change in refused(found, inputs["allow"])
    ]
    if problems:
        raise RefusedError(*problems)


def _refuse_configured(inputs: Values, card: CardFact) -> None:
    """Our networkd file would take the addresses away that somebody gave the card."""
    ours = any(".network.d/" in path for path in inputs["files"])
    if card.addresses and not ours:
        what = f"{card.nic} has addresses of somebody else's making"
        hint = "give the host another interface for them, or a bridge in the site file"
        raise RefusedError(
            Problem(pf_state.title(inputs), what, ", ".join(card.addresses), hint=hint)
        )


def _count(host: HostConnection, card: CardFact, count: int) -> None:
    """Set the number of virtual functions: any other number than 0 is set from 0 only."""
    path = f"/sys/bus/pci/devices/{card.pci_address}/sriov_numvfs"
    lines = ([f"echo 0 > {path}"] if card.vfs else []) + (
        [f"echo {count} > {path}"] if count else []
    )
    host.root("; ".join(["set -e", *lines, "udevadm settle --timeout=60"]))


def _files(host: HostConnection, card: CardFact | None, job: HostJob, unit: str) -> None:
    """Write and remove files, and have systemd read them."""
    if not (job.files or job.absent):
        return
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


def _attributes(host: HostConnection, inputs: Values, before: Values) -> None:
    """Set what is not as declared, then look; raises MachineError with all that did not hold."""
    card = pf_state.card(host, inputs)
    nic, problems = shlex.quote(card.nic), []
    todo = [*_todo(card, inputs, before)]
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


def _value(name: str, wanted: Mapping[str, Any]) -> str:
    value = wanted[name]
    if isinstance(value, bool):
        return "on" if value else "off"
    if name == "vlan" and value:
        return f"{value} qos {wanted['qos']}"
    return str(value) or pf_state.NO_MAC


def _record(
    host: HostConnection, inputs: Values, token: str, complete: bool, files: set[str]
) -> None:
    mark = ownership.mark_text(inputs["mark"])
    name = f"{host.name} {inputs['name']}"
    record = ownership.Record(mark, name, token, complete, tuple(sorted(files)))
    ownership.write_record(host, str(inputs["uuid"]), record)
