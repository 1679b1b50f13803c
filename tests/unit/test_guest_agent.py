"""A guest's agent that is silent for a moment has told nothing."""

from __future__ import annotations

import base64
import json
from typing import Any, cast

import libvirt
import pytest
from fake_libvirt import error

from guesthouse.machine import guest_agent
from guesthouse.machine.connections import HostConnection
from guesthouse.provider import waiting
from guesthouse.provider.waiting import Evidence

DOMAIN = cast(libvirt.virDomain, None)
HOST = cast(HostConnection, None)
REFUSED = error(libvirt.VIR_ERR_INTERNAL_ERROR)
SILENT = [error(code) for code in guest_agent.SILENT]
KEY, OTHER = "ssh-ed25519 AAAA", "ssh-ed25519 BBBB"
SETTING_UP = '{"v1": {"modules-config": {"finished": null}}}'


class Agent:
    """Gives or raises, command by command, one answer after the other; the last one for ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: list[Any]) -> None:
        self.answers = {name.replace("_", "-"): list(them) for name, them in answers.items()}
        self.asked: list[str] = []
        monkeypatch.setattr(guest_agent.libvirt_qemu, "qemuAgentCommand", self.command)
        monkeypatch.setattr(guest_agent.time, "sleep", lambda seconds: None)

    def command(self, _domain: Any, request: str, _timeout_s: int, _flags: int) -> str:
        name = json.loads(request)["execute"].removeprefix("guest-")
        self.asked.append(name)
        them = self.answers[name]
        answer = them.pop(0) if len(them) > 1 else them[0]
        if isinstance(answer, Exception):
            raise answer
        return json.dumps({"return": answer})


def text(words: str) -> dict[str, str]:
    return {"buf-b64": base64.b64encode(words.encode()).decode()}


@pytest.mark.parametrize("silent", SILENT)
def test_of_a_silent_one_a_file_is_not_missing(
    monkeypatch: pytest.MonkeyPatch, silent: Exception
) -> None:
    Agent(monkeypatch, file_open=[5], file_read=[silent], file_close=[{}])
    with pytest.raises(libvirt.libvirtError):
        guest_agent.read_file(DOMAIN, "/x")


@pytest.mark.parametrize("closing", [REFUSED, SILENT[0]])
def test_how_a_file_is_closed_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, closing: Exception
) -> None:
    Agent(monkeypatch, file_open=[5], file_read=[text("so"), SILENT[0]], file_close=[closing])
    assert guest_agent.read_file(DOMAIN, "/x") == "so"
    with pytest.raises(libvirt.libvirtError):
        guest_agent.read_file(DOMAIN, "/x")


def test_a_slow_one_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    Agent(monkeypatch, ping=[*SILENT[:2], {}])
    assert guest_agent.is_there(DOMAIN)
    Agent(monkeypatch, ping=[SILENT[0]])
    assert not guest_agent.is_there(DOMAIN)


def test_a_file_that_is_not_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    Agent(monkeypatch, file_open=[REFUSED])
    assert guest_agent.read_file(DOMAIN, "/x") is None


def test_a_program_is_awaited_through_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = {"exited": True, "exitcode": 3, "out-data": base64.b64encode(b"so").decode()}
    status = [*SILENT, {"exited": False}, ended]
    Agent(monkeypatch, exec=[{"pid": 7}], exec_status=status)
    assert guest_agent.run(DOMAIN, ["x"]) == (3, "so")


def test_a_program_is_not_awaited_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    Agent(monkeypatch, exec=[{"pid": 7}], exec_status=[SILENT[0]])
    assert guest_agent.run(DOMAIN, ["x"], timeout_s=0) is None
    Agent(monkeypatch, exec=[{"pid": 7}], exec_status=[REFUSED])
    assert guest_agent.run(DOMAIN, ["x"]) is None


def test_one_that_falls_silent_in_the_midst_has_let_nobody_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Agent(
        monkeypatch,
        ping=[{}],
        file_open=[1, 2, SILENT[0]],
        file_read=[text(f"{KEY} x"), text("")],
        file_close=[{}],
    )
    monkeypatch.setattr(waiting, "look_addresses", lambda *_: {})
    evidence = Evidence(not_yet="waits for cloud-init")
    waiting._look(DOMAIN, {}, evidence)
    assert evidence == Evidence(agent=False, not_yet="waits for cloud-init")


SLOW = [SILENT[0], SILENT[0], {}]
LISTENS = "head\n0: 00000000:0016 00000000:0000 0A"


@pytest.mark.parametrize(
    ("pings", "heard", "files", "keys"),
    [
        # It was only slow, and knows more than sshd: not yet, or its keys.
        (SLOW, False, [OTHER, "", SETTING_UP], []),
        (SLOW, False, [OTHER, "", "", LISTENS, ""], [OTHER]),
        # It answers, and tells no keys.
        (SLOW, False, ["", ""], [KEY]),
        ([SILENT[0]], True, [], [KEY]),
        # It does not answer.
        ([SILENT[0]], False, [], [KEY]),
    ],
)
def test_what_sshd_tells_counts_where_the_agent_does_not(
    monkeypatch: pytest.MonkeyPatch, pings: list[Any], heard: bool, files: list[str], keys: Any
) -> None:
    Agent(
        monkeypatch,
        ping=pings,
        file_open=[1],
        file_read=[text(words) for words in files],
        file_close=[{}],
    )
    monkeypatch.setattr(waiting, "_scan", lambda *_: [KEY])
    monkeypatch.setattr(waiting, "look_addresses", lambda *_: {})
    assert waiting._scanned(HOST, DOMAIN, {}, Evidence(agent=heard)) == keys


def test_who_is_not_heard_by_sshd_costs_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = Agent(monkeypatch, ping=[SILENT[0]])
    monkeypatch.setattr(waiting, "_scan", lambda *_: [])
    assert waiting._scanned(HOST, DOMAIN, {}, Evidence()) == []
    assert agent.asked == []
