"""Hosts: files, packages, services and bridges, made by pyinfra, read back by facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar
from urllib.parse import urlencode

from guesthouse.effects import bridge_changes, host_changes
from guesthouse.errors import Problem, RefusedError
from guesthouse.facts import host as facts
from guesthouse.facts.question import ask
from guesthouse.machine.configure import HostJob, configure
from guesthouse.machine.connections import HostConnection, endpoint
from guesthouse.provider import ownership
from guesthouse.provider.bridges import (
    Bridges,
    bridge_file,
    commands,
    refuse_cut_off,
    seen_bridges,
    unplug,
    wait_for_bridges,
)
from guesthouse.provider.changes import summary
from guesthouse.provider.resource import Call, Resource, Values, same_host


class HostResource(Resource):
    """Inputs: connection, mark, uuid, files, packages, services, bridges."""

    COMPARED: ClassVar[tuple[str, ...]] = ("files", "packages", "services", "bridges")
    OUTPUTS: ClassVar[tuple[str, ...]] = ("libvirt_uri",)

    def planned(self, call: Call, state: Values | None, inputs: Values) -> dict[str, Any]:
        if state is not None:
            name = str(inputs["connection"]["name"])
            same_host(name, state, inputs)
            found = bridge_changes(state["bridges"], inputs["bridges"])
            call.noted.extend([*found, *host_changes(state, inputs)])
            if found:
                call.say(summary(name, found))
        return _state(inputs)

    def create(self, call: Call, inputs: Values) -> tuple[str, dict[str, Any]]:
        host = self.host(inputs)
        if not host.is_test:
            self._apply(call, host, inputs, removed_files=(), old_bridges={})
        return str(inputs["uuid"]), _state(inputs)

    def read(self, resource_id: str, state: Values) -> dict[str, Any] | None:
        host = self.host(state)
        if host.is_test:
            return dict(state)
        return {**state, **_seen(host, state["declared"])}

    def update(self, call: Call, resource_id: str, state: Values, inputs: Values) -> dict[str, Any]:
        same_host(str(inputs["connection"]["name"]), state, inputs)
        host = self.host(inputs)
        if not host.is_test:
            declared = state.get("declared", state)
            others = ownership.items_of_others(host, str(inputs["uuid"]))
            removed = sorted(set(declared["files"]) - set(inputs["files"]) - others)
            old = _of_nobody_else(declared["bridges"], others, kept=inputs["bridges"])
            self._apply(call, host, inputs, tuple(removed), old)
        return _state(inputs)

    def delete(self, call: Call, resource_id: str, state: Values) -> None:
        host = self.host(state)
        if host.is_test:
            return
        record = ownership.read_record(host, resource_id)
        owned = record.items if record else tuple(state["declared"]["files"])
        with host.lock(resource_id):
            others = ownership.items_of_others(host, resource_id)
            bridges = _of_nobody_else(state["declared"]["bridges"], others)
            for line in unplug(bridges, {}):
                host.root(line)
            configure(host.endpoint, HostJob(absent=tuple(p for p in owned if p not in others)))
            if bridges:
                host.root("networkctl reload")
            ownership.remove_record(host, resource_id)

    def _apply(
        self,
        call: Call,
        host: HostConnection,
        inputs: Values,
        removed_files: tuple[str, ...],
        old_bridges: Bridges,
    ) -> None:
        key, mark = str(inputs["uuid"]), ownership.mark_text(inputs["mark"])
        with host.lock(key):
            record = ownership.read_record(host, key)
            owned = set(record.items) if record else set()
            before = _seen(host, inputs)
            _refuse_foreign(host.name, before["files"], inputs["files"], owned)
            refuse_cut_off(host, before["bridges"], inputs["bridges"])
            items = tuple(sorted(owned | set(inputs["files"])))
            token = record.token if record else ownership.new_token()
            ownership.write_record(
                host, key, ownership.Record(mark, host.name, token, False, items)
            )
            call.say(f"{host.name}: packages, files, services")
            configure(host.endpoint, _job(inputs, before, removed_files, old_bridges))
            wait_for_bridges(host, inputs["bridges"])
            items = tuple(sorted(inputs["files"]))
            ownership.write_record(host, key, ownership.Record(mark, host.name, token, True, items))


def _of_nobody_else(
    bridges: Bridges, others: frozenset[str], kept: Bridges | None = None
) -> Bridges:
    """The bridges without those that go here and that another record has files of."""
    theirs = {name for name in bridges if bridge_file(name) in others} - set(kept or {})
    return {name: bridge for name, bridge in bridges.items() if name not in theirs}


def _state(inputs: Values) -> dict[str, Any]:
    return {
        **inputs,
        "declared": {name: inputs[name] for name in HostResource.COMPARED},
        "libvirt_uri": libvirt_uri(inputs["connection"], ownership.mark_text(inputs["mark"])),
    }


def libvirt_uri(connection: Mapping[str, Any], mark: str) -> str:
    """The `uri` of this host's `pulumi_libvirt` provider; the plugin reads our parameters."""
    if connection.get("libvirt_uri"):
        return str(connection["libvirt_uri"])
    # Refuses what would be another part of the uri.
    found = endpoint(connection)
    query = {
        "guesthouse_mark": mark,
        "guesthouse_ssh_name": found.name,
        "guesthouse_identity_file": found.identity_file,
        "guesthouse_host_key": found.host_keys,
    }
    address = f"[{found.address}]" if ":" in found.address else found.address
    place = f"{found.user}@{address}:{found.port}"
    return f"qemu+ssh://{place}/system?{urlencode(query, doseq=True)}"


def _seen(host: HostConnection, wanted: Values) -> dict[str, Any]:
    """What the host has of what is wanted, in the words of the inputs."""
    files = ask(host.run, facts.files(wanted["files"]))
    packages = ask(host.run, facts.packages(wanted["packages"]))
    services = ask(host.run, facts.services(wanted["services"]))
    return {
        "files": {path: asdict(fact) for path, fact in files.items()},
        "packages": [name for name in wanted["packages"] if name in packages],
        "services": {
            name: {"enabled": fact.enabled, "running": fact.running}
            for name, fact in services.items()
        },
        "bridges": seen_bridges(host, wanted["bridges"]),
    }


def _refuse_foreign(
    host: str, seen: Mapping[str, Any], wanted: Mapping[str, Any], owned: set[str]
) -> None:
    """A file that is there, is different and is not ours was made by somebody else."""
    problems = [
        Problem(
            f"host {host} file {path}",
            "exists with other content and was not made by this stack",
            hint="take its content over into the site file, or move it away on the host",
        )
        for path in wanted
        if path in seen and path not in owned and seen[path]["content"] != wanted[path]["content"]
    ]
    if problems:
        raise RefusedError(*problems)


def _job(
    inputs: Values, before: Mapping[str, Any], removed: tuple[str, ...], old_bridges: Bridges
) -> HostJob:
    """Only what is not as wanted, so that pyinfra's run is short."""
    files = {p: f for p, f in inputs["files"].items() if before["files"].get(p) != f}
    reload = bool(removed) or any(path.startswith("/etc/systemd/network/") for path in files)
    return HostJob(
        packages=tuple(p for p in inputs["packages"] if p not in before["packages"]),
        files=files,
        absent=removed,
        services={
            name: wanted
            for name, wanted in inputs["services"].items()
            if before["services"].get(name) != wanted
        },
        commands=(
            *unplug(old_bridges, inputs["bridges"]),
            *commands(inputs["bridges"], before["bridges"], reload),
        ),
    )
