"""Whatever a machine, a guest or the engine says, no door of ours lets a terminal obey it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import libvirt
import pytest
from google.protobuf import empty_pb2
from prometheus_client import generate_latest
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from guesthouse.checks import Finding
from guesthouse.checks import report as checks_report
from guesthouse.checks.pytest_plugin import expect
from guesthouse.cli import app, output, sarif
from guesthouse.cli.families import Collected, families, registry
from guesthouse.display import NOT_IN_TEXT, visible, visible_json
from guesthouse.errors import GuesthouseError, MachineError, Problem
from guesthouse.provider import server
from guesthouse.provider.provider import InitFailedResponse
from guesthouse.report.diffs import Diff
from guesthouse.report.files import failed_early
from guesthouse.report.markdown import _code, _fold, escaped
from guesthouse.report.mermaid import mermaid
from guesthouse.report.review import Subject
from guesthouse.report.svg import svg
from guesthouse.report.topology import Guest, Host, Mark, Topology

OBEYED = re.compile(rf"[{NOT_IN_TEXT}\ud800-\udfff]")
# What a serial log, an agent or a file name may hold, and how it is shown.
ATTACKS = {
    "clipboard": ("\x1b]52;c;Y3VybA==\x07", r"\x1b]52;c;Y3VybA==\x07"),
    "clear screen": ("\x1b[2J\x1b[H", r"\x1b[2J\x1b[H"),
    "reset": ("\x1bc", r"\x1bc"),
    "hidden by colour": ("\x1b[8m", r"\x1b[8m"),
    "title": ("\x1b]0;root\x1b\\", r"\x1b]0;root\x1b" + "\\"),
    "device control": ("\x1bP+q\x1b\\", r"\x1bP+q\x1b" + "\\"),
    "eight bits": ("\x9b2J\x9d52;c;\x9c", r"\x9b2J\x9d52;c;\x9c"),
    "back to the start": ("\rall is as declared", r"\rall is as declared"),
    "backspaces": ("\x08\x08\x7f", r"\x08\x08\x7f"),
    "nothing": ("\x00", r"\x00"),
    "form feed": ("\x0b\x0c", r"\x0b\x0c"),
    "right to left": ("\u202e\u2066\u200f", r"\u202e\u2066\u200f"),
    "line separator": ("\u2028\u2029\x85", r"\u2028\u2029\x85"),
    "no XML": ("\ufffe\uffff", r"\ufffe\uffff"),
    "no UTF-8": ("\udcff", r"\udcff"),
    "harmless control": ("größer [b] → 日本 😀 \xa0é", "größer [b] → 日本 😀 \xa0é"),
}


def _finding(text: str, status: str = "failed") -> Finding:
    return Finding("error", status, f"web: {text}", f"guests.{text}", "web", text, text, text, text)  # type: ignore[arg-type]


def _fails(text: str) -> str:
    with pytest.raises(pytest.fail.Exception) as caught:
        expect(_finding(text))
    return str(caught.value)


def _aborted(error: Exception) -> str:
    """What the engine is told of an error."""
    told: list[str] = []

    class Context:
        async def abort(self, code: Any, details: str) -> None:
            told.append(details)
            raise StopAsyncIteration

        async def abort_with_status(self, status: Any) -> None:
            await self.abort(status.code, status.details)

    async def answer() -> None:
        raise error

    with pytest.raises((StopAsyncIteration, RuntimeError)):
        asyncio.run(server._guarded(Context(), answer()))
    return told[0]


def _init_failed(text: str) -> str:
    error = InitFailedResponse.__new__(InitFailedResponse)
    error.resource_id, error.reason, error.state, error.inputs = "id", text, {}, {}
    return _aborted(error)


def _libvirt_error(text: str) -> str:
    error = libvirt.libvirtError("x")
    error.err = (1, 2, text)
    return _aborted(error)


def _host(text: str) -> Topology:
    guest = Guest(text, 1, 1, text, ((text, "1", text),))
    marks = {("guest", "h", text): Mark("live", text)}
    return Topology(text, (Host("h", pools=((text, text),), guests=(guest,)),), marks)


def _review(text: str) -> str:
    return "".join(failed_early("s", [Problem(text, text, text, text, text)], 1).values())


def _subject(text: str) -> Subject:
    return Subject("guest", text, "h", "changed", (), (), ())


def _sarif(text: str) -> str:
    file = Path("a.site.yaml")
    return sarif.text([file], {file: [Problem(text, text, text, path=("guests", text))]})


def _metrics(text: str) -> str:
    rows = [("guesthouse_guest_health", ("s", "h", "g", "hung", text), 1.0)]
    return generate_latest(registry(Collected(tuple(families(rows))))).decode()


# Door -> what comes out of it. Those that write JSON write its own escapes.
DOORS: dict[str, Callable[[str], str]] = {
    "an error": lambda text: str(MachineError(Problem("h1", "failed", got=text, hint=text))),
    "findings": lambda text: checks_report.text([_finding(text), _finding(text, "not checked")]),
    "JUnit": lambda text: checks_report.junit("s", [_finding(text), _finding(text, "not checked")]),
    "a failed test": _fails,
    "an error to the engine": lambda text: _aborted(MachineError(Problem("h", text))),
    "libvirt's error": _libvirt_error,
    "a serial log's tail": _init_failed,
    "Markdown": escaped,
    "code in Markdown": _code,
    "a diff": lambda text: _fold(_subject(text), Diff(text, f"+{text}\n-b")),
    "Mermaid": lambda text: mermaid(_host(text)),
    "SVG": lambda text: svg(_host(text)),
    "a report": _review,
    "SARIF": _sarif,
    "metrics": _metrics,
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("door", DOORS)
def test_no_document_holds_what_a_terminal_obeys(door: str, attack: str) -> None:
    hostile, _ = ATTACKS[attack]
    made = DOORS[door](f"before{hostile}after")
    assert OBEYED.findall(made) == []
    assert "before" in made and "after" in made


PRINTED: dict[str, Callable[[str], None]] = {
    "say": output.say,
    "error": lambda text: output.print_error(GuesthouseError(Problem("h1", text))),
    "table": lambda text: output.print_table(output.escape(text), ["a"], [[text]]),
    "styled": lambda text: output.stdout().print(output.escape(text), style="bold red"),
    "without markup": lambda text: output.stdout().print(text, markup=False),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("door", PRINTED)
def test_what_is_printed_is_seen(
    door: str, attack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile, shown = ATTACKS[attack]
    PRINTED[door](f"before{hostile}after")
    seen = capsys.readouterr()
    assert f"before{shown}after" in seen.out + seen.err


@pytest.mark.parametrize("attack", ATTACKS)
def test_json_is_seen_and_means_the_same(attack: str, capsys: pytest.CaptureFixture[str]) -> None:
    hostile, _ = ATTACKS[attack]
    output.print_json({hostile: [hostile]})
    made = capsys.readouterr().out
    assert OBEYED.findall(made) == []
    assert json.loads(made) == {hostile: [hostile]}


def test_colours_stay_where_they_are_the_engines() -> None:
    text = "\x1b[1;31merror:\x1b[0m \x1b]52;c;x\x07"
    assert visible(text, colours=True) == "\x1b[1;31merror:\x1b[0m \\x1b]52;c;x\\x07"
    assert visible(text) == r"\x1b[1;31merror:\x1b[0m \x1b]52;c;x\x07"
    assert visible_json('"\x7f\u202e"') == r'"\u007f\u202e"'
    assert visible("a\n\tb") == "a\n\tb"


def test_a_machine_does_not_write_the_reports_own_lines() -> None:
    seen = "x\n1 checks: 1 passed; all is as declared"
    text = checks_report.text([dataclasses.replace(_finding("a"), seen=seen)])
    assert "\n1 checks: 1 passed" not in text
    assert "\n    1 checks: 1 passed; all is as declared\n" in text


def test_the_engines_display_gets_plain_words() -> None:
    heard: list[str] = []

    class Heard(engine_pb2_grpc.EngineServicer):  # type: ignore[misc]
        def Log(self, request: engine_pb2.LogRequest, context: Any) -> empty_pb2.Empty:
            heard.append(request.message)
            return empty_pb2.Empty()

    listening = grpc.server(ThreadPoolExecutor(1))
    engine_pb2_grpc.add_EngineServicer_to_server(Heard(), listening)
    port = listening.add_insecure_port("127.0.0.1:0")
    listening.start()
    try:
        log = server.EngineLog(f"127.0.0.1:{port}")
        log("urn", "disk \x1b[2J")
        log("urn", "disk data")
    finally:
        listening.stop(None).wait()
    assert heard == [r"disk \x1b[2J", "disk data"]


def test_the_log_of_a_mistake_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: guesthouse\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["guesthouse"])
    try:
        raise ValueError("\x1b[2J")
    except ValueError:
        text = app._write_log().read_text()
    assert text.endswith("ValueError: \\x1b[2J\n")
    assert OBEYED.findall(text) == []
