"""Guests: created, read, repaired, deleted by the rules of ownership and incarnation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import libvirt

from guesthouse.effects import domain_changes, seen_document
from guesthouse.errors import Problem, RefusedError
from guesthouse.machine import guest_agent
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import domain, ownership, repair, volumes
from guesthouse.provider.resource import Call, InitFailed, Resource, Values, same_host
from guesthouse.provider.seed import seed_iso
from guesthouse.provider.values import UNKNOWN
from guesthouse.provider.waiting import Evidence, look_addresses, wait_for_guest


class GuestResource(Resource):
    """Inputs: connection, mark, name, uuid, domain_xml, power, autostart, disks, secrets, nics,
    seed (pool, volume, files), login, address, serial_log, timeout_s."""

    COMPARED: ClassVar[tuple[str, ...]] = (
        "domain_xml",
        "power",
        "autostart",
        "disks",
        "seed",
        "secrets",
    )
    OUTPUTS: ClassVar[tuple[str, ...]] = ("token", "addresses", "ssh_host_keys")
    SECRET: ClassVar[tuple[str, ...]] = ("secrets",)

    def planned(self, call: Call, state: Values | None, inputs: Values) -> dict[str, Any]:
        if state is None:
            unknown = dict.fromkeys(self.OUTPUTS, UNKNOWN)
            return {**inputs, **unknown, "declared": _declared(inputs)}
        same_host(f"guest {inputs['name']}", state, inputs)
        repair.refuse(state, inputs)
        for change in domain_changes(
            state["domain_xml"], inputs["domain_xml"], repair.is_drift(state, inputs)
        ):
            call.say(f"{inputs['name']}: {change}")
        return {**state, **inputs, "declared": _declared(inputs)}

    def create(self, call: Call, inputs: Values) -> tuple[str, dict[str, Any]]:
        host = self.host(inputs)
        key, name = str(inputs["uuid"]), str(inputs["name"])
        with host.lock(key):
            handle = host.libvirt
            domain.refuse_foreign(handle, host.name, inputs)
            record = ownership.read_record(host, key)
            adopted = domain.find(handle, key)
            token = ownership.new_token()
            _record(host, inputs, token, complete=bool(record and record.complete))
            _make_volumes(call, host, inputs, record, keep=adopted is not None)
            if adopted is not None:
                call.say(f"{name}: adopting our own guest from an earlier run")
            made = domain.define(handle, inputs["domain_xml"], token)
            made.setAutostart(int(inputs["autostart"]))
            _record(host, inputs, token, complete=True)
            return key, self._boot(call, host, made, inputs, token)

    def _boot(
        self, call: Call, host: HostConnection, made: Any, inputs: Values, token: str
    ) -> dict[str, Any]:
        """Start and await the guest; the state says what it told, even when it did not answer."""
        name, evidence, reason = str(inputs["name"]), Evidence(), ""
        if not made.isActive():
            call.say(f"{name}: defined, waiting for its turn to boot")
        with host.boots:
            if not made.isActive():
                call.say(f"{name}: booting")
            domain.start(made, name)
            if not host.is_test:
                evidence, reason = wait_for_guest(host, made, inputs, call.say)
        state = {
            **inputs,
            "declared": _declared(inputs),
            "token": token,
            "addresses": evidence.addresses,
            "ssh_host_keys": evidence.ssh_host_keys,
        }
        if reason:
            raise InitFailed(str(inputs["uuid"]), state, reason)
        return state

    def read(self, resource_id: str, state: Values) -> dict[str, Any] | None:
        host = self.host(state)
        found = domain.find(host.libvirt, resource_id)
        if found is None:
            return None
        inactive, live = domain.descriptions(found)
        mark = domain.read_mark(found)
        declared = state["declared"]
        agent = live is not None and not host.is_test and guest_agent.ping(found)
        addresses = look_addresses(found, state, agent) if live and not host.is_test else {}
        return {
            **state,
            "domain_xml": seen_document(declared["domain_xml"], inactive, live),
            "power": _power(found),
            "autostart": bool(found.autostart()),
            "disks": _seen_disks(host, declared["disks"]),
            "seed": declared["seed"] if _has_seed(host, declared["seed"]) else {},
            "token": mark.token if mark else "",
            # A guest that is quiet for a moment has not lost its addresses.
            "addresses": {**state["addresses"], **addresses},
        }

    def update(self, call: Call, resource_id: str, state: Values, inputs: Values) -> dict[str, Any]:
        name = str(inputs["name"])
        same_host(f"guest {name}", state, inputs)
        host = self.host(inputs)
        with host.lock(resource_id):
            found = domain.find(host.libvirt, resource_id)
            if found is None:
                raise RefusedError(
                    Problem(f"guest {name}", "is gone", hint="`pulumi refresh`, then `up`")
                )
            domain.check_token(found, name, str(state["token"]))
            seen = self.read(resource_id, state)
            assert seen is not None
            repair.refuse(seen, inputs)
            changes = domain_changes(
                seen["domain_xml"], inputs["domain_xml"], repair.is_drift(seen, inputs)
            )
            if inputs["seed"] and not seen["seed"]:
                _make_seed(host, inputs)
            repair.live(found, changes)
            token = str(state["token"])
            made = domain.define(host.libvirt, inputs["domain_xml"], token)
            made.setAutostart(int(inputs["autostart"]))
            if seen["power"] == "paused":
                made.resume()
            return self._boot(call, host, made, inputs, token)

    def delete(self, call: Call, resource_id: str, state: Values) -> None:
        host = self.host(state)
        with host.lock(resource_id):
            handle = host.libvirt
            found = domain.find(handle, resource_id)
            if found is not None:
                domain.check_token(found, str(state["name"]), str(state["token"]))
                domain.remove(found)
            record = ownership.read_record(host, resource_id)
            if record is None or record.token == state["token"]:
                volumes.remove(handle, _volumes(state["declared"]))
                if not host.is_test:
                    host.root(f"rm -f {ownership.quoted(state['serial_log'])}*")
                ownership.remove_record(host, resource_id)


def _declared(inputs: Values) -> dict[str, Any]:
    return {name: inputs[name] for name in GuestResource.COMPARED if name != "secrets"}


def _power(found: libvirt.virDomain) -> str:
    running = (
        libvirt.VIR_DOMAIN_RUNNING,
        libvirt.VIR_DOMAIN_BLOCKED,
        libvirt.VIR_DOMAIN_SHUTDOWN,
    )
    state = found.state()[0]
    return (
        "running"
        if state in running
        else {
            libvirt.VIR_DOMAIN_PAUSED: "paused",
            libvirt.VIR_DOMAIN_CRASHED: "crashed",
            libvirt.VIR_DOMAIN_PMSUSPENDED: "suspended",
        }.get(state, "shut off")
    )


def _volumes(inputs: Values) -> list[tuple[str, str]]:
    found = [(disk["pool"], disk["volume"]) for disk in inputs["disks"]]
    if inputs["seed"]:
        found.append((inputs["seed"]["pool"], inputs["seed"]["volume"]))
    return found


def _record(host: HostConnection, inputs: Values, token: str, complete: bool) -> None:
    items = tuple(f"{pool}/{volume}" for pool, volume in _volumes(inputs))
    mark = ownership.mark_text(inputs["mark"])
    record = ownership.Record(mark, str(inputs["name"]), token, complete, items)
    ownership.write_record(host, str(inputs["uuid"]), record)


def _make_volumes(
    call: Call,
    host: HostConnection,
    inputs: Values,
    record: ownership.Record | None,
    keep: bool,
) -> None:
    """Make what is missing. What is there must be ours; what may be half-made is made anew."""
    handle = host.libvirt
    owned = set(record.items) if record else set()
    complete = keep or bool(record and record.complete)
    for disk in inputs["disks"]:
        found = volumes.find(handle, disk["pool"], disk["volume"])
        if found is not None and not host.is_test:
            _refuse_volume(host, inputs, f"{disk['pool']}/{disk['volume']}", owned)
        if found is not None and not complete:
            found.delete(0)
            found = None
        if found is None:
            call.say(f"{inputs['name']}: disk {disk['volume']}")
            volumes.make_disk(handle, disk)
    if inputs["seed"] and not (keep and _has_seed(host, inputs["seed"])):
        _make_seed(host, inputs)


def _refuse_volume(host: HostConnection, inputs: Values, item: str, owned: set[str]) -> None:
    if item not in owned:
        raise RefusedError(
            Problem(
                f"guest {inputs['name']}",
                f"volume {item} is on host '{host.name}' already and was not made by this stack",
                hint="rename the guest, or move that volume away",
            )
        )


def _make_seed(host: HostConnection, inputs: Values) -> None:
    seed = inputs["seed"]
    data = seed_iso(seed["files"], inputs["secrets"], str(inputs["uuid"]))
    volumes.remove(host.libvirt, [(seed["pool"], seed["volume"])])
    volumes.make_seed(host.libvirt, seed["pool"], seed["volume"], data)


def _has_seed(host: HostConnection, seed: Mapping[str, Any]) -> bool:
    return not seed or volumes.find(host.libvirt, seed["pool"], seed["volume"]) is not None


def _seen_disks(host: HostConnection, disks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The declared disks that are there, with the size (bytes) that they have."""
    seen = []
    for disk in disks:
        found = volumes.find(host.libvirt, disk["pool"], disk["volume"])
        if found is not None:
            seen.append({**disk, "size_bytes": int(found.info()[1])})
    return seen
