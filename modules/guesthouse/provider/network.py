"""libvirt networks: made, read, changed under running guests by sections, bounced if permitted.

Whose a network is: its UUID and its bridge's name come from the site's identity; the registry
file on the host has its incarnation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import libvirt

from guesthouse.effects import Change, Effect, refused
from guesthouse.errors import MachineError, Problem, RefusedError
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import network_change, network_state, ownership
from guesthouse.provider.changes import summary
from guesthouse.provider.plugs import guests, plug_in, plugs
from guesthouse.provider.resource import Call, Resource, Values, same_object
from guesthouse.provider.values import UNKNOWN


class NetworkResource(Resource):
    """Inputs: connection, mark, name, uuid, network_xml, active, autostart, allow."""

    COMPARED: ClassVar[tuple[str, ...]] = network_state.COMPARED
    OUTPUTS: ClassVar[tuple[str, ...]] = ("token", "running_xml", "changes")

    def planned(self, call: Call, state: Values | None, inputs: Values) -> dict[str, Any]:
        if state is None:
            return {
                **inputs,
                "token": UNKNOWN,
                "running_xml": "",
                **network_state.outputs(inputs, []),
            }
        same_object(f"network {inputs['name']}", state, inputs)
        found = network_state.changes(state, inputs)
        if any(change.effect is Effect.LINK_LOSS for change in found):
            found = network_state.with_losers(found, self._losers(self.host(inputs), inputs))
        call.noted.extend(found)
        _say(call, inputs, found)
        _refuse(inputs, found)
        return {**state, **inputs, **network_state.outputs(inputs, found)}

    def create(self, call: Call, inputs: Values) -> tuple[str, dict[str, Any]]:
        host, key = self.host(inputs), str(inputs["uuid"])
        with host.lock(key):
            network = network_state.find(host, inputs)
            if network is not None:
                _refuse_foreign(host, network, inputs)
            token = ownership.new_token()
            _record(host, inputs, token, complete=False)
            if network is None:
                network = host.libvirt.networkDefineXML(self._filled(host, inputs))
                network.create()
                network.setAutostart(int(inputs["autostart"]))
            else:
                call.say(
                    f"{network_state.title(inputs)}: adopting our own network from an earlier run"
                )
                self._bring(call, host, network, inputs)
            _record(host, inputs, token, complete=True)
            return key, network_state.state(inputs, token)

    def read(self, resource_id: str, state: Values) -> dict[str, Any] | None:
        host = self.host(state)
        network = network_state.find(host, state)
        if network is None or network.UUIDString() != resource_id:
            return None
        record = ownership.read_record(host, resource_id)
        return {
            **state,
            **self._seen(host, network, {**state, **state["declared"]}),
            "token": record.token if record else state["token"],
        }

    def update(self, call: Call, resource_id: str, state: Values, inputs: Values) -> dict[str, Any]:
        same_object(f"network {inputs['name']}", state, inputs)
        host, token = self.host(inputs), str(state["token"])
        with host.lock(resource_id):
            _check_token(host, resource_id, state)
            network = network_state.find(host, inputs)
            if network is None:
                hint = "`pulumi refresh`, then `up`"
                raise RefusedError(Problem(f"network {inputs['name']}", "is gone", hint=hint))
            _refuse_foreign(host, network, inputs)
            self._bring(call, host, network, inputs)
            _record(host, inputs, token, complete=True)
            return network_state.state(inputs, token)

    def delete(self, call: Call, resource_id: str, state: Values) -> None:
        host = self.host(state)
        with host.lock(resource_id):
            network = network_state.find(host, state)
            if network is not None and network.UUIDString() == resource_id:
                record = ownership.read_record(host, resource_id)
                if record is not None and record.token != state["token"]:
                    # Of another kind by now (nat -> sriov): that is another resource's.
                    call.say(f"{network_state.title(state)}: was made anew since, and stays")
                    return
                if network.isActive():
                    network.destroy()
                if network.isPersistent():
                    network.undefine()
            ownership.remove_record(host, resource_id)

    def _bring(
        self, call: Call, host: HostConnection, network: libvirt.virNetwork, inputs: Values
    ) -> None:
        """Make an existing network as declared: look again, ask for permission, change, look."""
        todo = network_state.changes(self._seen(host, network, inputs), inputs)
        if not todo:
            return
        todo = network_state.with_losers(todo, self._losers(host, inputs))
        _say(call, inputs, todo)
        _refuse(inputs, todo)
        network = self._change(call, host, network, inputs)
        network.setAutostart(int(inputs["autostart"]))
        left = network_state.changes(self._seen(host, network, inputs), inputs)
        if left:
            name = str(inputs["name"])
            what = f"did not become as declared: {summary(name, left)}"
            raise MachineError(Problem(f"network {name}", what, hint="`up` tries again"))

    # What is otherwise in a network of virtual functions.

    def _filled(self, host: HostConnection, inputs: Values) -> str:
        """The document as the host is to have it."""
        return str(inputs["network_xml"])

    def _seen(
        self, host: HostConnection, network: libvirt.virNetwork, values: Values
    ) -> dict[str, Any]:
        """What the host has, in the words of the document in ``values``."""
        return network_state.seen(host, network, str(values["network_xml"]))

    def _losers(self, host: HostConnection, inputs: Values) -> list[str]:
        """The running guests that a bounce takes the link from."""
        return guests(plugs(host.libvirt, str(inputs["name"])))

    def _change(
        self, call: Call, host: HostConnection, network: libvirt.virNetwork, inputs: Values
    ) -> libvirt.virNetwork:
        """Make an existing network as declared, whatever that takes, and start it."""
        wanted = str(inputs["network_xml"])
        plugged = plugs(host.libvirt, str(inputs["name"]))
        running = network_state.running(network, wanted)
        if running and network_state.loses_links(running, wanted):
            network = network_change.bounce(host, network, inputs, plugged)
        else:
            network = network_change.change(host, network, running, wanted)
        if not network.isActive():
            network.create()
            # Whoever stopped it by hand left the guests' taps plugged in nowhere.
            plug_in(host, network_state.bridge(wanted), plugged)
        return network


def _say(call: Call, inputs: Values, found: Sequence[Change]) -> None:
    if found:
        call.say(summary(network_state.title(inputs), found))


def _refuse(inputs: Values, found: Sequence[Change]) -> None:
    """Raise RefusedError with every change that the network's permissions do not cover."""
    problems = [
        Problem(
            network_state.title(inputs),
            f"{change} is not allowed",
            hint=f"permit it: networks.{inputs['name']}.allow: [{change.effect.value}]",
        )
        for change in refused(found, inputs["allow"])
    ]
    if problems:
        raise RefusedError(*problems)


def _refuse_foreign(host: HostConnection, network: libvirt.virNetwork, inputs: Values) -> None:
    """Ours has our UUID, or (of an earlier version) our bridge: both come from the identity."""
    name, wanted = str(inputs["name"]), network_state.bridge(str(inputs["network_xml"]))
    seen = network_state.bridge(network_state.stored(host, network))
    if network.UUIDString() != inputs["uuid"] and (seen != wanted or not wanted):
        what = f"exists and was not made by this stack (its bridge is '{seen}', wanted '{wanted}')"
        hint = (
            "give the network another name in the site file, or remove the present one: "
            f"virsh net-destroy {name}; virsh net-undefine {name}"
        )
        raise RefusedError(Problem(network_state.title(inputs), what, hint=hint))


def _check_token(host: HostConnection, key: str, state: Values) -> None:
    """Act only on the incarnation that the state knows."""
    record = ownership.read_record(host, key)
    if record is not None and record.token != state["token"]:
        what = "was made anew by another run since the state was written"
        hint = "`pulumi refresh`, then `up`"
        raise RefusedError(Problem(f"network {state['name']}", what, hint=hint))


def _record(host: HostConnection, inputs: Values, token: str, complete: bool) -> None:
    mark = ownership.mark_text(inputs["mark"])
    record = ownership.Record(mark, str(inputs["name"]), token, complete, ())
    ownership.write_record(host, str(inputs["uuid"]), record)
