"""An interrupted run: every call that the engine waits for is answered, by words."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from guesthouse.machine.connections import Connections
from guesthouse.provider import server
from guesthouse.provider.provider import CALLS_PER_HOST, THREADS, GuesthouseProvider
from guesthouse.provider.resource import Call, Resource
from guesthouse.provider.server import Servicer

URN = "urn:pulumi:test::guesthouse::guesthouse:index:Slow::"
HOSTS = THREADS // CALLS_PER_HOST * 2
LIMIT_S = 20
VERBS = ("Create", "Read", "Update", "Delete")


class Slow(Resource):
    """Begins when it is called, ends when it may."""

    COMPARED = ()

    def __init__(self) -> None:
        super().__init__(Connections())
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()

    def _work(self, *_: Any) -> Any:
        self.begun.release()
        assert self.may_end.wait(LIMIT_S)
        return {}

    planned = read = update = delete = _work

    def create(self, call: Call, inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        return "id", self._work()


def request(verb: str, host: int) -> Any:
    values = struct_pb2.Struct()
    values.update({"connection": {"name": f"h{host}"}})
    if verb == "Create":
        return provider_pb2.CreateRequest(urn=URN, properties=values)
    if verb == "Update":
        return provider_pb2.UpdateRequest(urn=URN, id="id", olds=values, news=values)
    kind = provider_pb2.ReadRequest if verb == "Read" else provider_pb2.DeleteRequest
    return kind(urn=URN, id="id", properties=values)


async def answer(call: Any) -> str:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return str(error.details()).split(": ", 1)[-1]
    return "done"


async def answers(provider: GuesthouseProvider, slow: Slow, count: int) -> Counter[str]:
    """So many calls, more than begin at once; a cancel; what each is answered."""
    rpc = grpc.aio.server()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer([], "0", provider, ""), rpc)
    port = rpc.add_insecure_port("127.0.0.1:0")
    await rpc.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = cast(Any, provider_pb2_grpc.ResourceProviderStub(channel))
        calls = [
            asyncio.create_task(
                answer(getattr(stub, VERBS[index % 4])(request(VERBS[index % 4], index % HOSTS)))
            )
            for index in range(count)
        ]
        for _ in range(min(count, THREADS)):
            await asyncio.to_thread(slow.begun.acquire, timeout=LIMIT_S)
        await stub.Cancel(empty_pb2.Empty())
        slow.may_end.set()
        done, waiting = await asyncio.wait(calls, timeout=LIMIT_S)
        for call in waiting:
            call.cancel()
        await rpc.stop(None)
    return Counter([*(call.result() for call in done), *("never" for _ in waiting)])


NOT_BEGUN = "not begun, since the run was interrupted\n  hint: run `up` again"


@pytest.mark.parametrize(
    ("count", "refused"),
    [(THREADS // 2, 0), (THREADS, 0), (THREADS + 1, 1), (THREADS * 6, THREADS * 5)],
)
def test_what_has_begun_ends_and_what_waits_is_refused(count: int, refused: int) -> None:
    provider, slow = GuesthouseProvider(None), Slow()
    provider._resources["guesthouse:index:Slow"] = slow
    found = asyncio.run(answers(provider, slow, count))
    assert found == +Counter({"done": count - refused, NOT_BEGUN: refused})


def test_a_cancelled_call_of_any_kind_is_answered() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    class Context:
        async def abort(self, code: grpc.StatusCode, words: str) -> None:
            raise grpc.RpcError(code, words)

    with pytest.raises(grpc.RpcError) as caught:
        asyncio.run(server._guarded(Context(), cancelled()))
    assert caught.value.args == (grpc.StatusCode.CANCELLED, "the run was interrupted")
