"""A hostile guest agent: an odd answer is none, raises nothing, and costs little."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any, cast

import libvirt
import pytest
from agent_answers import ODD, RIGHT

from guesthouse.machine import guest_agent

DOMAIN = cast(libvirt.virDomain, None)
# What each function gives of an agent whose answers are right, and of one that does not answer.
ASKED = {
    "ping": (lambda: guest_agent.ping(DOMAIN), True, False),
    "is_there": (lambda: guest_agent.is_there(DOMAIN), True, False),
    "read_file": (lambda: guest_agent.read_file(DOMAIN, "/x"), "so", None),
    "run": (lambda: guest_agent.run(DOMAIN, ["x"]), (3, "so \ufffd"), None),
    "online_vcpus": (lambda: guest_agent.online_vcpus(DOMAIN), 2, 0),
    "online_memory": (lambda: guest_agent.online_memory(DOMAIN), None, None),
    "grow": (
        lambda: guest_agent.grow_file_system(DOMAIN, "s"),
        "so \ufffd",
        "the guest agent does not answer, or runs no programs",
    ),
}
USES = {
    "ping": {"ping"},
    "is_there": {"ping"},
    "read_file": {"file-open", "file-read"},
    "run": {"exec", "exec-status"},
    "online_vcpus": {"get-vcpus"},
    "online_memory": {"get-memory-blocks"},
    "grow": {"exec", "exec-status"},
}


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    answers = dict(RIGHT)

    def command(_domain: Any, request: str, _timeout_s: int, _flags: int) -> str:
        return answers[json.loads(request)["execute"].removeprefix("guest-")]

    monkeypatch.setattr(guest_agent.libvirt_qemu, "qemuAgentCommand", command)
    yield answers
    tracemalloc.stop()


@pytest.mark.parametrize("name", ASKED)
def test_right_answers_are_understood(agent: Any, name: str) -> None:
    ask, right, _ = ASKED[name]
    assert ask() == right


@pytest.mark.parametrize("case", ODD)
def test_an_odd_answer_is_none(agent: Any, case: str) -> None:
    command, answer = ODD[case]
    for name in [command] if command else RIGHT:
        agent[name] = answer
    tracemalloc.start()
    begun = time.monotonic()
    for name, (ask, right, none) in ASKED.items():
        hit = not command or command in USES[name]
        assert ask() == (none if hit else right), name
    assert time.monotonic() - begun < 5
    assert tracemalloc.get_traced_memory()[1] < 300 * 1024**2


@pytest.mark.parametrize("command", ["set-vcpus", "set-memory-blocks", "file-close"])
def test_what_a_change_is_answered_with_changes_nothing(agent: Any, command: str) -> None:
    agent["get-vcpus"] = json.dumps({"return": [{"logical-id": 1, "online": False}]})
    agent[command] = "[" * 100_000
    assert guest_agent.online_vcpus(DOMAIN) == 0
    assert guest_agent.read_file(DOMAIN, "/x") == "so"
    guest_agent.online_memory(DOMAIN)
