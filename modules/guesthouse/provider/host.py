"""Hosts: files, packages, services and bridges, made by pyinfra, read back by facts."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar
from urllib.parse import urlencode

from guesthouse.errors import MachineError, Problem, RefusedError
from guesthouse.facts import host as facts
from guesthouse.facts.question import ask
from guesthouse.machine.configure import HostJob, configure
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import ownership
from guesthouse.provider.resource import Call, Resource, Values, same_host

# networkd needs a moment to make a bridge and give it its address; emulated hosts need more.
BRIDGE_TIMEOUT_S = 60


class HostResource(Resource):
    """Inputs: connection, mark, uuid, files, packages, services, bridges."""

    COMPARED: ClassVar[tuple[str, ...]] = ("files", "packages", "services", "bridges")
    OUTPUTS: ClassVar[tuple[str, ...]] = ("libvirt_uri",)

    def planned(self, call: Call, state: Values | None, inputs: Values) -> dict[str, Any]:
        if state is not None:
            same_host(str(inputs["connection"]["name"]), state, inputs)
        return _state(inputs)

    def create(self, call: Call, inputs: Values) -> tuple[str, dict[str, Any]]:
        host = self.host(inputs)
        if not host.is_test:
            self._apply(call, host, inputs, removed_files=())
        return str(inputs["uuid"]), _state(inputs)

    def read(self, resource_id: str, state: Values) -> dict[str, Any] | None:
        host = self.host(state)
        if host.is_test:
            return dict(state)
        return {**state, **_seen(host, state)}

    def update(self, call: Call, resource_id: str, state: Values, inputs: Values) -> dict[str, Any]:
        same_host(str(inputs["connection"]["name"]), state, inputs)
        host = self.host(inputs)
        if not host.is_test:
            declared = state.get("declared", state)
            removed = sorted(set(declared["files"]) - set(inputs["files"]))
            for name in sorted(set(declared["bridges"]) - set(inputs["bridges"])):
                _remove_bridge(host, name)
            self._apply(call, host, inputs, tuple(removed))
        return _state(inputs)

    def delete(self, call: Call, resource_id: str, state: Values) -> None:
        host = self.host(state)
        if host.is_test:
            return
        record = ownership.read_record(host, resource_id)
        owned = record.items if record else tuple(state["declared"]["files"])
        with host.lock(resource_id):
            for name in state["declared"]["bridges"]:
                _remove_bridge(host, name)
            configure(host.endpoint, HostJob(absent=tuple(owned)))
            if state["declared"]["bridges"]:
                host.root("networkctl reload")
            ownership.remove_record(host, resource_id)

    def _apply(
        self, call: Call, host: HostConnection, inputs: Values, removed_files: tuple[str, ...]
    ) -> None:
        key, mark = str(inputs["uuid"]), ownership.mark_text(inputs["mark"])
        with host.lock(key):
            record = ownership.read_record(host, key)
            owned = set(record.items) if record else set()
            before = _seen(host, inputs)
            _refuse_foreign(host.name, before["files"], inputs["files"], owned)
            items = tuple(sorted(owned | set(inputs["files"])))
            token = record.token if record else ownership.new_token()
            ownership.write_record(
                host, key, ownership.Record(mark, host.name, token, False, items)
            )
            call.say(f"{host.name}: packages, files, services")
            configure(host.endpoint, _job(inputs, before, removed_files))
            _wait_for_bridges(host, inputs["bridges"])
            items = tuple(sorted(inputs["files"]))
            ownership.write_record(host, key, ownership.Record(mark, host.name, token, True, items))


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
    query = {
        "guesthouse_mark": mark,
        "guesthouse_ssh_name": connection["name"],
        "guesthouse_identity_file": connection["identity_file"],
        "guesthouse_host_key": list(connection["host_keys"]),
    }
    place = f"{connection['user']}@{connection['address']}:{connection['port']}"
    return f"qemu+ssh://{place}/system?{urlencode(query, doseq=True)}"


def _seen(host: HostConnection, wanted: Values) -> dict[str, Any]:
    """What the host has of what is wanted, in the words of the inputs."""
    files = ask(host.run, facts.files(wanted["files"]))
    packages = ask(host.run, facts.packages(wanted["packages"]))
    services = ask(host.run, facts.services(wanted["services"]))
    bridges = ask(host.run, facts.bridges(wanted["bridges"]))
    return {
        "files": {path: asdict(fact) for path, fact in files.items()},
        "packages": [name for name in wanted["packages"] if name in packages],
        "services": {
            name: {"enabled": fact.enabled, "running": fact.running}
            for name, fact in services.items()
        },
        "bridges": {
            name: _seen_bridge(bridges[name], wanted["bridges"][name])
            for name in wanted["bridges"]
            if name in bridges
        },
    }


def _seen_bridge(fact: facts.BridgeFact, wanted: Mapping[str, str]) -> dict[str, str]:
    """Our words for a bridge: the declared value where it holds, else what is there instead."""
    address = wanted["address"]
    return {
        "nic": wanted["nic"] if wanted["nic"] in fact.members else "",
        "address": address if address in fact.addresses else next(iter(fact.addresses), ""),
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


def _job(inputs: Values, before: Mapping[str, Any], removed: tuple[str, ...]) -> HostJob:
    """Only what is not as wanted, so that pyinfra's run is short."""
    files = {p: f for p, f in inputs["files"].items() if before["files"].get(p) != f}
    commands = []
    if removed or any(path.startswith("/etc/systemd/network/") for path in files):
        commands.append("networkctl reload")
    for name, bridge in inputs["bridges"].items():
        if before["bridges"].get(name) != bridge:
            links = [name, bridge["nic"]] if bridge["nic"] else [name]
            # A bridge that is not there yet comes with the reload.
            for link in links:
                quoted = shlex.quote(link)
                commands.append(
                    f"! test -e /sys/class/net/{quoted} || networkctl reconfigure {quoted}"
                )
            if name not in before["bridges"] and "networkctl reload" not in commands:
                commands.insert(0, "systemctl restart systemd-networkd.service")
    return HostJob(
        packages=tuple(p for p in inputs["packages"] if p not in before["packages"]),
        files=files,
        absent=removed,
        services={
            name: wanted
            for name, wanted in inputs["services"].items()
            if before["services"].get(name) != wanted
        },
        commands=tuple(commands),
    )


def _wait_for_bridges(host: HostConnection, wanted: Mapping[str, Mapping[str, str]]) -> None:
    deadline = time.monotonic() + BRIDGE_TIMEOUT_S
    while True:
        found = ask(host.run, facts.bridges(wanted))
        seen = {name: _seen_bridge(found[name], wanted[name]) for name in wanted if name in found}
        missing = {name: seen.get(name) for name in wanted if seen.get(name) != wanted[name]}
        if not missing:
            return
        if time.monotonic() > deadline:
            raise MachineError(
                *(
                    Problem(
                        f"host {host.name} bridge {name}",
                        f"not as declared after {BRIDGE_TIMEOUT_S} s",
                        got=str(state or "no such bridge"),
                        allowed=str(wanted[name]),
                        hint=f"on the host: networkctl status {name}",
                    )
                    for name, state in missing.items()
                )
            )
        time.sleep(1)


def _remove_bridge(host: HostConnection, name: str) -> None:
    quoted = shlex.quote(name)
    host.root(f"! test -e /sys/class/net/{quoted} || ip link delete dev {quoted}")
