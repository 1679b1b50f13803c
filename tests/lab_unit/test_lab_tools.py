"""Programs that the lab calls: what they print comes back, what they fail at is quoted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from guesthouse.errors import LabError
from guesthouse.lab.tools import follow, run


def test_what_a_program_prints_comes_back(tmp_path: Path) -> None:
    assert run("sh", "-c", "cat; echo told >&2", stdin="said") == "said"
    assert run("printf", r"\377") == "\N{REPLACEMENT CHARACTER}"
    assert run("pwd", cwd=tmp_path) == f"{tmp_path}\n"
    assert list(follow(["pwd"], tmp_path / "log", cwd=tmp_path)) == [f"{tmp_path}\n"]


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    for call in (run, lambda name: list(follow([name], tmp_path / "log"))):
        with pytest.raises(LabError) as caught:
            call("no-such-tool-here")
        assert str(caught.value) == "no-such-tool-here: is not installed\n  hint: run `make setup`"


def test_a_failing_program_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(LabError) as caught:
        run("sh", "-c", "echo broken >&2; exit 3")
    assert str(caught.value) == "sh: failed with exit code 3, got broken"
    log = tmp_path / "log"
    with pytest.raises(LabError) as caught:
        list(follow(["sh", "-c", "seq 20; echo broken >&2; exit 3"], log))
    last = "\n".join(map(str, range(7, 21)))
    assert str(caught.value) == (
        f"sh: failed with exit code 3, got {last}\nbroken\n  hint: see {log}"
    )


def test_a_followed_program_is_heard_line_by_line_and_ends_with_its_caller(tmp_path: Path) -> None:
    script = "echo $$; echo $WORD; exec sleep 60"
    lines = follow(["sh", "-c", script], tmp_path / "log", WORD="heard")
    pid = next(lines).strip()
    assert next(lines) == "heard\n"
    begin = time.monotonic()
    lines.close()
    assert time.monotonic() - begin < 20
    assert not Path("/proc", pid).exists()
