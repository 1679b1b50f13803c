"""The provider as the engine sees it: gRPC in front, resources behind, errors without traceback."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable
from typing import Any

import grpc
import libvirt
import pulumi.provider.experimental.server as sdk
from google.protobuf import any_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, status_pb2

from guesthouse.display import visible
from guesthouse.errors import GuesthouseError, MachineError, note_exit_code
from guesthouse.provider.provider import GuesthouseProvider, InitFailedResponse

VERSION = "0.1.0"
PR_SET_PDEATHSIG = 1


class Servicer(sdk.ProviderServicer):
    """The SDK's servicer, with our errors turned into plain messages."""

    _provider: GuesthouseProvider

    async def Check(self, request: Any, context: Any) -> Any:
        # What is checked needs no look inside: sparing its conversion there and back makes a
        # preview of many guests quicker.
        if self._provider.knows(request.urn):
            if "connection" in request.news.fields:
                self._provider.maintenance.hear(request.urn, request.news["connection"])
            return provider_pb2.CheckResponse(inputs=request.news)
        return await _guarded(context, super().Check(request, context))

    async def Diff(self, request: Any, context: Any) -> Any:
        # Equal on the wire is equal; what differs there may still be the same value.
        olds, news = request.olds.fields, request.news.fields
        names = self._provider.compared(request.urn)
        if names and all(olds.get(name) == news.get(name) for name in names):
            none = provider_pb2.DiffResponse.DIFF_NONE
            return provider_pb2.DiffResponse(changes=none, hasDetailedDiff=True)
        return await _guarded(context, super().Diff(request, context))

    async def Create(self, request: Any, context: Any) -> Any:
        return await _guarded(context, super().Create(request, context))

    async def Read(self, request: Any, context: Any) -> Any:
        return await _guarded(context, super().Read(request, context))

    async def Update(self, request: Any, context: Any) -> Any:
        return await _guarded(context, super().Update(request, context))

    async def Delete(self, request: Any, context: Any) -> Any:
        return await _guarded(context, super().Delete(request, context))

    async def Invoke(self, request: Any, context: Any) -> Any:
        return await _guarded(context, super().Invoke(request, context))


async def _guarded(context: Any, answer: Awaitable[Any]) -> Any:
    try:
        return await answer
    except asyncio.CancelledError:
        # Not an Exception; grpc.aio gives a request that ends so no answer, and the engine waits.
        await context.abort(grpc.StatusCode.CANCELLED, "the run was interrupted")
        raise
    except Exception as error:
        # The SDK wraps what we raise in an exception whose text is the traceback.
        cause = error.__context__ or error
        if isinstance(cause, InitFailedResponse):
            note_exit_code(MachineError.exit_code)
            await context.abort_with_status(_init_failed(cause))
        if isinstance(cause, GuesthouseError):
            note_exit_code(cause.exit_code)
            await context.abort(grpc.StatusCode.UNKNOWN, str(cause))
        if isinstance(cause, libvirt.libvirtError):
            note_exit_code(MachineError.exit_code)
            said = visible(f"libvirt refused: {cause.get_error_message()}")
            await context.abort(grpc.StatusCode.UNKNOWN, said)
        raise


class _Status(grpc.Status):  # type: ignore[misc]
    def __init__(self, details: str, trailing: bytes) -> None:
        self.code = grpc.StatusCode.UNKNOWN
        self.details = details
        self.trailing_metadata = (("grpc-status-details-bin", trailing),)


def _init_failed(error: InitFailedResponse) -> _Status:
    """The engine keeps such a resource in the state, and goes on with it at the next `up`."""
    reason = visible(error.reason)
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.resource_id,
        properties=PropertyValue.marshal_map(error.state),
        inputs=PropertyValue.marshal_map(error.inputs),
        reasons=[reason],
    )
    packed = any_pb2.Any()
    packed.Pack(detail)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reason)
    status.details.append(packed)
    return _Status(reason, status.SerializeToString())


class EngineLog:
    """Puts messages on a resource in the engine's display."""

    def __init__(self, address: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def __call__(self, urn: str, message: str) -> None:
        request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=visible(message), urn=urn)
        self._engine.Log(request)


def main() -> None:
    """Serve until the engine ends; die with it, so that an orphan never works on."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        sys.exit("the engine that started this provider is gone")
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    sdk.ProviderServicer = Servicer  # type: ignore[misc]
    provider = GuesthouseProvider(EngineLog(addresses[0]) if addresses else None)
    sdk.main(sys.argv[1:], VERSION, provider)
