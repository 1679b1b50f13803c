"""The provider's short cuts on the wire answer what the long way would."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from guesthouse.provider.provider import GuesthouseProvider
from guesthouse.provider.server import Servicer

URN = "urn:pulumi:test::guesthouse::guesthouse:site:Site$guesthouse:index:Guest::web"


def inputs(**changed: Any) -> dict[str, Any]:
    """A guest's compared inputs, with a number that the wire knows as a float."""
    return {
        "connection": {"name": "h1", "maintenance": False},
        "domain_xml": "<domain/>",
        "power": "running",
        "autostart": True,
        "disks": [{"volume": "web.root.qcow2", "size_bytes": 1073741824}],
        "seed": {},
        "secrets": {},
        **changed,
    }


def struct(values: dict[str, Any]) -> struct_pb2.Struct:
    """Values as the engine sends them."""
    made = struct_pb2.Struct()
    made.update(values)
    return made


def diff(old: dict[str, Any], new: dict[str, Any], urn: str = URN) -> Any:
    """The servicer's answer."""
    servicer = Servicer([], "0", GuesthouseProvider(None), "")
    request = provider_pb2.DiffRequest(urn=urn, olds=struct(old), news=struct(new))
    return asyncio.run(servicer.Diff(request, None))


def test_equal_inputs_are_no_change_whatever_else_the_state_holds() -> None:
    answer = diff({**inputs(), "token": "t", "declared": {"power": "off"}}, inputs())
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert list(answer.diffs) == []


@pytest.mark.parametrize("name", list(inputs()))
def test_each_watched_input_is_a_change(name: str) -> None:
    changed = {"name": "h2", "maintenance": False} if name == "connection" else "other"
    answer = diff(inputs(), inputs(**{name: changed}))
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(answer.diffs) == [name]


def test_a_watched_input_that_goes_is_a_change() -> None:
    old = inputs()
    new = {name: value for name, value in old.items() if name != "seed"}
    assert list(diff(old, new).diffs) == ["seed"]


def test_what_is_only_written_otherwise_is_no_change() -> None:
    without = diff({**inputs(), "seed": None}, {k: v for k, v in inputs().items() if k != "seed"})
    assert without.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_check_gives_back_what_it_got() -> None:
    servicer = Servicer([], "0", GuesthouseProvider(None), "")
    request = provider_pb2.CheckRequest(urn=URN, news=struct(inputs()))
    assert asyncio.run(servicer.Check(request, None)).inputs == struct(inputs())
