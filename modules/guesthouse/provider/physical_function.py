"""Physical functions: how many virtual functions, and what the host sets of each.

The host sets their number, trust, spoof check, link state and rates, and the MAC and VLAN of fixed
ones. MAC and VLAN of all others belong to the guests that have them: libvirt sets and restores
them. systemd's files bring it all back at a reboot; now it is set by ip-link(8) and sysfs.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

from guesthouse.effects import COUNT, FIXED, Change, physical_function_changes, refused
from guesthouse.effects.units import parse
from guesthouse.errors import MachineError, Problem, RefusedError
from guesthouse.facts.sriov import CardFact
from guesthouse.machine.configure import HostJob
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import network_state, ownership, pf_change, pf_state, vf_network, vf_plugs
from guesthouse.provider.changes import summary
from guesthouse.provider.resource import Call, Resource, Values, same_object
from guesthouse.provider.values import UNKNOWN


class PhysicalFunctionResource(Resource):
    """Inputs: connection, mark, uuid, name, select, virtual_functions, vfs, files, unit, allow,
    networks (that hand out its virtual functions: name -> document), nics (on those)."""

    COMPARED: ClassVar[tuple[str, ...]] = ("select", "virtual_functions", "vfs", "files")
    OUTPUTS: ClassVar[tuple[str, ...]] = ("nic",)

    def planned(self, call: Call, state: Values | None, inputs: Values) -> dict[str, Any]:
        if state is None:
            self._refuse_impossible(inputs)
            return {**inputs, "nic": UNKNOWN, "declared": _declared(inputs)}
        same_object(pf_state.title(inputs), state, inputs)
        held: list[str] = []
        if any(change.takes_links for change in physical_function_changes(state, inputs, ["?"])):
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
        same_object(pf_state.title(inputs), state, inputs)
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
                pf_change.count_to(host, card, 0)
            pf_change.files(host, card, HostJob(absent=files), "")
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
            todo = physical_function_changes(
                {**seen, "was": before.get("vfs")}, inputs, held.values()
            )
            _say_and_refuse(call, inputs, todo)
            token = record.token if record else ownership.new_token()
            wanted = set(inputs["files"])
            _record(host, inputs, token, False, was | wanted)
            pool = any(change.what in (COUNT, FIXED) for change in todo)
            plugs = _plugs(host, inputs, card, held) if pool else []
            job, unit = _job(inputs, seen, card, was - wanted), str(inputs["unit"])
            with vf_plugs.unplugged(call, host, key, plugs, inputs["nics"]):
                if seen["virtual_functions"] != inputs["virtual_functions"]:
                    pf_change.count_to(host, card, int(inputs["virtual_functions"]))
                if not plugs:
                    # They bring the card up, and some set rates only then.
                    pf_change.files(host, card, job, unit)
                pf_change.attributes(host, inputs, before)
                if pool:
                    _networks(host, inputs)
            # Files take their time: nobody waits for his link meanwhile.
            if plugs and pf_change.files(host, card, job, unit):
                pf_change.attributes(host, inputs, before)
            _record(host, inputs, token, True, wanted)
        return {**inputs, "nic": card.nic, "declared": _declared(inputs)}


def _job(inputs: Values, seen: Values, card: CardFact, absent: set[str]) -> HostJob:
    """The files that are not as declared."""
    files = {p: f for p, f in inputs["files"].items() if seen["files"].get(p) != f}
    return HostJob(files=pf_state.filled(files, card), absent=tuple(sorted(absent)))


def _plugs(
    host: HostConnection, inputs: Values, card: CardFact, held: Mapping[int, str]
) -> list[vf_plugs.VfPlug]:
    """The guests' NICs to pull out; raises RefusedError when somebody has one otherwise."""
    places = {card.vfs[number].pci_address: who for number, who in held.items()}
    plugs = vf_plugs.held(host.libvirt, places) if places else []
    others = places.keys() - {plug.pci_address for plug in plugs}
    if others:
        who = ", ".join(sorted(f"{places[place]} ({place})" for place in others))
        what, hint = (
            f"virtual functions are held, and not as NICs, by {who}",
            "take them away first",
        )
        raise RefusedError(Problem(pf_state.title(inputs), what, hint=hint))
    return plugs


def _networks(host: HostConnection, inputs: Values) -> None:
    """Start those networks anew that are there and hand out other virtual functions by now."""
    card = pf_state.card(host, inputs)
    for name, document in inputs["networks"].items():
        network = network_state.find(host, {"name": name})
        wanted = vf_network.filled(document, card)
        ours = network is not None and network.UUIDString() == parse(wanted).findtext("uuid")
        if network is not None and ours and network_state.running(network, wanted) != wanted:
            vf_network.started_anew(host, network, wanted)


def _declared(inputs: Values) -> dict[str, Any]:
    return {name: inputs[name] for name in ("virtual_functions", "vfs", "files")}


def _say_and_refuse(call: Call, inputs: Values, found: list[Change]) -> None:
    """Say what changes; raise RefusedError for what is not permitted."""
    title = pf_state.title(inputs)
    call.noted.extend(found)
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


def _record(
    host: HostConnection, inputs: Values, token: str, complete: bool, files: set[str]
) -> None:
    mark = ownership.mark_text(inputs["mark"])
    name = f"{host.name} {inputs['name']}"
    record = ownership.Record(mark, name, token, complete, tuple(sorted(files)))
    ownership.write_record(host, str(inputs["uuid"]), record)
