"""Dispatch: the engine's requests by resource type, blocking work in threads, bounded per host."""

from __future__ import annotations

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from guesthouse.effects import worst
from guesthouse.errors import GuesthouseError, Problem, RefusedError
from guesthouse.machine.connections import Connections
from guesthouse.provider.guest import GuestResource
from guesthouse.provider.host import HostResource
from guesthouse.provider.image import ImageResource
from guesthouse.provider.maintenance import Maintenance
from guesthouse.provider.network import NetworkResource
from guesthouse.provider.physical_function import PhysicalFunctionResource
from guesthouse.provider.preflight import host_capacities
from guesthouse.provider.reading import read_twice
from guesthouse.provider.resource import Call, InitFailed, Resource
from guesthouse.provider.values import UNKNOWN, plain_map, wrap_map
from guesthouse.provider.vf_network import VfNetworkResource

T = TypeVar("T")

# sshd's default MaxSessions is 10; a guest's create holds up to two sessions (lock, command).
CALLS_PER_HOST = 4
THREADS = 64

_KINDS = {
    "add": sdk.PropertyDiffKind.ADD,
    "delete": sdk.PropertyDiffKind.DELETE,
    "update": sdk.PropertyDiffKind.UPDATE,
}


def _kind(urn_or_type: str) -> str:
    """The type in ``urn:pulumi:STACK::PROJECT::TYPE::NAME``, or of a type alone.

    The type of a component's child is its parents' types and its own, joined by "$".
    """
    parts = urn_or_type.split("::", 3)
    return (parts[2] if len(parts) == 4 else urn_or_type).rsplit("$", 1)[-1]


class InitFailedResponse(Exception):
    """InitFailed with its values as the engine wants them."""

    def __init__(self, failed: InitFailed, resource: Resource, inputs: Mapping[str, Any]) -> None:
        super().__init__(failed.reason)
        self.resource_id = failed.resource_id
        self.reason = failed.reason
        self.state = wrap_map(failed.state, resource.SECRET)
        self.inputs = wrap_map(inputs, resource.SECRET)


def _planned(
    resource: Resource, call: Call, state: Mapping[str, Any] | None, inputs: Mapping[str, Any]
) -> dict[str, PropertyValue]:
    """A preview's answer. A refusal is told, not raised: the program says all of them at once.

    ``preview`` is for reports, of every kind of resource alike; `up` gives no such output.
    """
    problems: Sequence[Problem] = ()
    try:
        planned = resource.planned(call, state, inputs)
    except RefusedError as error:
        problems = error.problems
        told = [str(problem) for problem in problems]
        planned = {**dict.fromkeys(resource.OUTPUTS, UNKNOWN), **inputs, "refused": told}
    changes = [{**change.told(), "path": change.path} for change in worst(call.noted)]
    fields = ("where", "what", "got", "allowed", "hint")
    refused = [{name: getattr(problem, name) for name in fields} for problem in problems]
    if changes or refused:
        planned = {**planned, "preview": {"changes": changes, "refused": refused}}
    return wrap_map(planned, resource.SECRET)


class GuesthouseProvider(sdk.Provider):
    """All resources of the package ``guesthouse``."""

    def __init__(self, log: Callable[[str, str], None] | None) -> None:
        self._log = log
        self._connections = Connections()
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="guesthouse")
        self._is_cancelled = False
        self.maintenance = Maintenance(os.environ)
        self._slots: dict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(CALLS_PER_HOST)
        )
        self._resources: dict[str, Resource] = {
            "guesthouse:index:Host": HostResource(self._connections),
            "guesthouse:index:Image": ImageResource(self._connections),
            "guesthouse:index:Network": NetworkResource(self._connections),
            "guesthouse:index:VfNetwork": VfNetworkResource(self._connections),
            "guesthouse:index:PhysicalFunction": PhysicalFunctionResource(self._connections),
            "guesthouse:index:Guest": GuestResource(self._connections),
        }

    def _resource(self, kind: str) -> Resource:
        kind = _kind(kind)
        if kind not in self._resources:
            raise RefusedError(Problem(kind, "unknown resource type"))
        return self._resources[kind]

    def knows(self, urn: str) -> bool:
        """Is this a resource of ours?"""
        return _kind(urn) in self._resources

    def compared(self, urn: str) -> tuple[str, ...]:
        """The properties that a diff of this resource looks at; none when it is not ours."""
        return self._resources[_kind(urn)].watched if self.knows(urn) else ()

    def _call(self, urn: str) -> Call:
        return Call(urn, lambda message: self._log(urn, message) if self._log else None)

    async def _on_host(self, values: Mapping[str, Any], work: Callable[[], T]) -> T:
        """Do ``work`` on the host's turn; once the run is interrupted nothing more begins."""
        name = str(values["connection"]["name"])
        async with self._slots[name]:
            with suppress(asyncio.CancelledError):
                if not self._is_cancelled:
                    loop = asyncio.get_running_loop()
                    return await loop.run_in_executor(self._threads, work)
        what = "not begun, since the run was interrupted"
        raise GuesthouseError(Problem(f"host {name}", what, hint="run `up` again"))

    async def get_schema(self, request: sdk.GetSchemaRequest) -> sdk.GetSchemaResponse:
        """A schema of names only: our Python classes are written by hand."""
        return sdk.GetSchemaResponse(json.dumps({"name": "guesthouse", "version": "0.1.0"}))

    async def check_config(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        return sdk.CheckResponse(inputs=request.new_inputs)

    async def diff_config(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        return sdk.DiffResponse(changes=False)

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        self._resource(request.type)
        return sdk.CheckResponse(inputs=request.new_inputs)

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        resource = self._resource(request.type)
        changed = resource.diff(plain_map(request.old_state), plain_map(request.new_inputs))
        return sdk.DiffResponse(
            changes=bool(changed),
            diffs=list(changed),
            detailed_diff={
                name: sdk.PropertyDiff(_KINDS[kind], True) for name, kind in changed.items()
            },
        )

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        resource, inputs = self._resource(request.type), plain_map(request.properties)
        call = self._call(request.urn)
        self.maintenance.refuse(request.name, request.urn, inputs)
        if request.preview:
            # On the host's turn, since a guest asks whether it can have its devices.
            planned = partial(_planned, resource, call, None, inputs)
            return sdk.CreateResponse(properties=await self._on_host(inputs, planned))
        try:
            resource_id, state = await self._on_host(inputs, partial(resource.create, call, inputs))
        except InitFailed as failed:
            raise InitFailedResponse(failed, resource, inputs) from None
        return sdk.CreateResponse(resource_id, wrap_map(state, resource.SECRET))

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        resource, state = self._resource(request.type), plain_map(request.properties)
        if "connection" not in state:
            raise RefusedError(
                Problem(request.name, "can't be imported yet", hint="declare it and run `up`")
            )
        seen: dict[str, Any] | None = state
        if not self.maintenance.holds(request.urn, {**state, **plain_map(request.inputs)}):
            read = partial(resource.read, request.resource_id, state)
            say = self._call(request.urn).say
            seen = await self._on_host(state, partial(read_twice, read, say))
        if seen is None:
            return sdk.ReadResponse(resource_id="")
        inputs = {
            name: value
            for name, value in seen.items()
            if name != "declared" and name not in resource.OUTPUTS
        }
        return sdk.ReadResponse(
            request.resource_id,
            wrap_map(seen, resource.SECRET),
            wrap_map(inputs, resource.SECRET),
        )

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        resource = self._resource(request.type)
        state, inputs = plain_map(request.olds), plain_map(request.news)
        call = self._call(request.urn)
        if self.maintenance.holds(request.urn, inputs):
            # The flag is written down, so that it holds for what runs no program.
            left = {**state, "connection": inputs["connection"]}
            return sdk.UpdateResponse(wrap_map(left, resource.SECRET))
        if request.preview:
            # On the host's turn, since a network asks who would lose the link.
            planned = partial(_planned, resource, call, state, inputs)
            return sdk.UpdateResponse(await self._on_host(inputs, planned))
        try:
            work = partial(resource.update, call, request.resource_id, state, inputs)
            seen = await self._on_host(inputs, work)
        except InitFailed as failed:
            raise InitFailedResponse(failed, resource, inputs) from None
        return sdk.UpdateResponse(wrap_map(seen, resource.SECRET))

    async def delete(self, request: sdk.DeleteRequest) -> None:
        resource, state = self._resource(request.type), plain_map(request.properties)
        call = self._call(request.urn)
        self.maintenance.refuse(request.urn.rpartition("::")[2], request.urn, state)
        await self._on_host(state, partial(resource.delete, call, request.resource_id, state))

    async def invoke(self, request: sdk.InvokeRequest) -> sdk.InvokeResponse:
        if request.tok != "guesthouse:index:preflight":
            raise RefusedError(Problem(request.tok, "unknown function"))
        hosts = plain_map(request.args)["hosts"]

        async def one(question: Mapping[str, Any]) -> Mapping[str, Any]:
            try:
                # Asked before anything is heard, and of no site: as it is declared.
                Maintenance({}).refuse("preflight", "", question)
                work = partial(host_capacities, self._connections, question)
                return await self._on_host(question, work)
            except GuesthouseError as error:
                said = error.problems[0]
                return {"unreachable": f"{said.what}: {said.got}" if said.got else said.what}

        answers = await asyncio.gather(*(one(question) for question in hosts.values()))
        return sdk.InvokeResponse(wrap_map({"hosts": dict(zip(hosts, answers, strict=True))}))

    async def cancel(self) -> None:
        """The run is interrupted: what has begun comes to its end, what waits is refused."""
        self._is_cancelled = True
        self._threads.shutdown(wait=False, cancel_futures=True)
