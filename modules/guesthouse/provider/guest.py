"""Guests: created, read, changed, deleted by the rules of ownership and incarnation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import libvirt

from guesthouse.effects import Change
from guesthouse.errors import MachineError, Problem, RefusedError
from guesthouse.machine.connections import Connections, HostConnection
from guesthouse.provider import (
    asides,
    cloud_init,
    domain,
    guest_devices,
    guest_disks,
    guest_nics,
    guest_state,
    ownership,
    power,
    running_xml,
)
from guesthouse.provider import changes as effects
from guesthouse.provider.live import LiveChange
from guesthouse.provider.resource import Call, InitFailed, Resource, Values, same_host
from guesthouse.provider.restart import shut_down, with_way_back
from guesthouse.provider.seed import refuse_unusable
from guesthouse.provider.sights import Sights
from guesthouse.provider.values import UNKNOWN
from guesthouse.provider.waiting import Evidence

Undo = list[Callable[[], None]]


class GuestResource(Resource):
    """Inputs: connection, mark, name, uuid, domain_xml, power, autostart, disks, secrets, nics,
    seed (pool, volume, files, on_change), allow, login, address, serial_log, timeout_s,
    shutdown_timeout_s, keep_aside_days."""

    COMPARED: ClassVar[tuple[str, ...]] = (*guest_state.COMPARED, "keep_aside_days")
    OUTPUTS: ClassVar[tuple[str, ...]] = (
        *("token", "addresses", "ssh_host_keys", "room", "running_xml", "changes"),
        *("instance_id", "asides"),
    )
    SECRET: ClassVar[tuple[str, ...]] = ("secrets",)

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._sights = Sights()

    def planned(self, call: Call, state: Values | None, inputs: Values) -> dict[str, Any]:
        refuse_unusable(inputs["secrets"])
        if state is None:
            guest_devices.look_ahead(self.host(inputs), inputs)
            unknown = dict.fromkeys(self.OUTPUTS, UNKNOWN)
            return {**inputs, **unknown, "declared": guest_state.declared(inputs), "changes": []}
        same_host(f"guest {inputs['name']}", state, inputs)
        due = asides.removals(asides.due_soon(state, inputs), inputs)
        found = [*effects.changes(state, inputs), *due]
        call.noted.extend(found)
        if found:
            call.say(effects.summary(str(inputs["name"]), found))
        effects.refuse(inputs, found)
        guest_devices.look_ahead(self.host(inputs), inputs, state)
        told = effects.told(found)
        _, inputs = cloud_init.settled(state, inputs, found)
        return {**state, **inputs, "declared": guest_state.declared(inputs), "changes": told}

    def create(self, call: Call, inputs: Values) -> tuple[str, dict[str, Any]]:
        host = self.host(inputs)
        key, name = str(inputs["uuid"]), str(inputs["name"])
        with host.lock(key):
            handle = host.libvirt
            adopted = domain.ours(handle, host.name, inputs)
            record = ownership.read_record(host, key)
            guest_devices.prepare(call, host, inputs)
            token = ownership.new_token()
            guest_state.record(host, inputs, token, complete=bool(record and record.complete))
            guest_disks.make(call, host, inputs, record, keep=adopted is not None)
            if adopted is not None:
                call.say(f"{name}: adopting our own guest from an earlier run")
            made = domain.define(handle, inputs["domain_xml"], token)
            if adopted is not None or inputs["autostart"]:
                made.setAutostart(int(inputs["autostart"]))
            guest_state.record(host, inputs, token, complete=True)
            evidence = self._boot(call, host, made, inputs, token)
            live = running_xml.running(made, domain.power(made))
            return key, guest_state.state(inputs, token, evidence, live)

    def _boot(
        self,
        call: Call,
        host: HostConnection,
        made: Any,
        inputs: Values,
        token: str,
        seen: Values | None = None,
    ) -> Evidence:
        """Start and await the guest: what it told, which the state keeps too when that was not
        enough."""
        evidence, reason = power.bring(call, host, made, inputs)
        if reason:
            live = running_xml.running(made, domain.power(made))
            state = guest_state.state(inputs, token, evidence, live, seen)
            raise InitFailed(str(inputs["uuid"]), state, reason)
        return evidence

    def read(self, resource_id: str, state: Values) -> dict[str, Any] | None:
        host = self.host(state)
        sight = None if host.is_test else self._sights.of(host, resource_id, state)
        if sight is None:
            found = domain.find(host.libvirt, resource_id)
            if found is None:
                return None
            sight = guest_state.look(host, found, state)
        return guest_state.seen(state, sight)

    def update(self, call: Call, resource_id: str, state: Values, inputs: Values) -> dict[str, Any]:
        name = str(inputs["name"])
        same_host(f"guest {name}", state, inputs)
        host = self.host(inputs)
        due = asides.due_now(state, inputs)
        with host.lock(resource_id, at_end=asides.removal(due)):
            found = domain.find(host.libvirt, resource_id)
            if found is None:
                raise RefusedError(
                    Problem(f"guest {name}", "is gone", hint="`pulumi refresh`, then `up`")
                )
            token = str(state["token"])
            sight = guest_state.look(host, found, state, addresses=False)
            seen = guest_state.seen(state, sight)
            domain.check_token(name, seen["token"], token)
            seen["asides"] = [path for path in asides.find(host, state) if path not in due]
            todo = effects.changes(seen, inputs)
            effects.refuse(inputs, todo)
            said = [*todo, *asides.removals(due, inputs)]
            if said:
                call.say(effects.summary(name, said))
            guest_devices.prepare(call, host, inputs, seen)
            if guest_disks.items(inputs) != guest_disks.items(state["declared"]):
                guest_state.record(host, inputs, token, complete=True)
            anew, inputs = cloud_init.settled(seen, inputs, todo)
            if anew or (effects.is_cold(todo) and seen["power"] != "stopped"):
                return self._cold(call, host, found, seen, inputs, token, anew)
            guest_disks.renew_seed(host, seen, inputs)
            return self._warm(call, host, found, seen, inputs, token, todo)

    def _warm(
        self,
        call: Call,
        host: HostConnection,
        found: libvirt.virDomain,
        seen: Values,
        inputs: Values,
        token: str,
        todo: list[Change],
    ) -> dict[str, Any]:
        """Change the running guest and what is stored; start the guest when it is off."""
        guest_disks.make_new(call, host, inputs, seen["disks"])
        if seen["power"] != "stopped":
            LiveChange(found, str(inputs["domain_xml"])).apply(todo)
            if not host.is_test:
                guest_nics.configure(call, found, inputs["nics"], guest_nics.plugged_in(todo))
        now = found.XMLDesc(0)
        made = domain.define(host.libvirt, inputs["domain_xml"], token, now, seen)
        if seen["autostart"] != inputs["autostart"]:
            made.setAutostart(int(inputs["autostart"]))
        guest_devices.forget(host, seen, inputs)
        guest_disks.grow(call, host, made, seen, inputs)
        for disk in guest_disks.gone(seen, inputs):
            asides.set_aside(host, disk, seen["asides"])
        evidence = None
        if not guest_state.has_answered(seen, inputs, todo):
            evidence = self._boot(call, host, made, inputs, token, seen)
        return self._read_back(host, made, guest_state.state(inputs, token, evidence, None, seen))

    def _cold(
        self,
        call: Call,
        host: HostConnection,
        found: libvirt.virDomain,
        seen: Values,
        inputs: Values,
        token: str,
        anew: list[dict[str, Any]],
    ) -> dict[str, Any]:
        """Shut down, set ``anew`` aside, define, make, start; or take everything back."""
        old_xml, undo, states = domain.stored(found), Undo(), list[dict[str, Any]]()
        if not host.is_test:
            shut_down(found, float(inputs["shutdown_timeout_s"]), call.say)
        elif seen["power"] != "stopped":
            found.destroy()

        def new() -> None:
            undo.append(lambda: guest_disks.renew_seed(host, inputs, seen))
            guest_disks.renew_seed(host, seen, inputs)
            for disk in [*guest_disks.gone(seen, inputs), *anew]:
                undo.append(asides.set_aside(host, disk, seen["asides"]))
            kept = [disk for disk in seen["disks"] if disk not in anew]
            guest_disks.make_new(call, host, inputs, kept)
            made = domain.define(host.libvirt, inputs["domain_xml"], token, old_xml, seen)
            made.setAutostart(int(inputs["autostart"]))
            guest_disks.grow(call, host, made, seen, inputs)
            evidence, reason = power.bring(call, host, made, inputs)
            if reason:
                raise MachineError(Problem(f"guest {inputs['name']}", reason))
            states.append(guest_state.state(inputs, token, evidence, None, seen))

        def old() -> None:
            for back in reversed(undo):
                back()
            power.bring(call, host, found, inputs)

        with guest_devices.moved(host, seen, inputs):
            with_way_back(found, old_xml, new, old)
        return self._read_back(host, found, states[0])

    def _read_back(
        self, host: HostConnection, made: libvirt.virDomain, state: dict[str, Any]
    ) -> dict[str, Any]:
        """What was done must be there; libvirt may accept a change that does not come about. The
        state, with what runs now."""
        sight = guest_state.look(host, made, state, volumes=False, addresses=False)
        seen = guest_state.seen(state, sight)
        left = effects.changes(seen, state)
        if left:
            name = str(state["name"])
            what = f"did not become as declared: {effects.summary(name, left)}"
            raise MachineError(Problem(f"guest {name}", what, hint="`up` tries again"))
        return {**state, "room": seen["room"], "running_xml": seen["running_xml"]}

    def delete(self, call: Call, resource_id: str, state: Values) -> None:
        host = self.host(state)
        with host.lock(resource_id):
            handle = host.libvirt
            found = domain.find(handle, resource_id)
            if found is not None:
                token = domain.token(domain.stored(found))
                domain.check_token(str(state["name"]), token, str(state["token"]))
                domain.remove(found)
            record = ownership.read_record(host, resource_id)
            if record is None or record.token == state["token"]:
                guest_devices.forget(host, state)
                guest_disks.remove(call, host, state)
                if not host.is_test:
                    host.root(f"rm -f -- {ownership.quoted(state['serial_log'])}*")
                ownership.remove_record(host, resource_id)
