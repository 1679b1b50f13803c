"""Every part of `make bench` runs at its smallest size, and each row of it is a number."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests" / name) for name in ("", "hypervisor")]

import many_guests  # noqa: E402

from bench import (  # noqa: E402
    __main__,
    calling,
    importing,
    previewing,
    reading,
    refreshing,
    rendering,
    scale,
)
from bench.rows import Figure, Row  # noqa: E402
from guesthouse.provider import guest_state  # noqa: E402


def whole(rows: list[Row] | list[Figure] | list[Row | Figure]) -> list[str]:
    """The names of the rows; each was measured."""
    for row in rows:
        if isinstance(row, Figure):
            assert "FAILED" not in row.text, row.text
        else:
            assert not row.missing
            assert row.ours > 0 and row.peer > 0 and math.isfinite(row.ratio)
    return [row.name for row in rows]


def test_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "COUNT", 50)
    assert whole(reading.rows(quick=True)) == ["read 5 guests with positions"]


def test_rendering() -> None:
    assert whole(rendering.rows(quick=True)) == ["safe rendering of a guest"]


def test_importing() -> None:
    assert whole(importing.rows(quick=True)) == ["import of the toolkit"]


def test_previewing() -> None:
    """The engine finds the peer's plugin, and both projects preview without a change."""
    with (
        previewing.deployed(previewing.Ours, 1) as ours,
        previewing.deployed(previewing.Stock, 1) as stock,
    ):
        for project in (ours, stock):
            project.pulumi("preview", "--expect-no-changes")


def test_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "COUNT", 120)
    rows = scale.rows(quick=True)
    assert whole(rows) == ["preview of 12 new guests"]
    assert all(name in rows[0].text for name in ("engine", "program", "provider"))


def test_what_needs_a_libvirtd_of_its_own_has_its_program_and_states() -> None:
    """`calling` and `refreshing` run whole by `make bench` alone: they need `setup.sh --long`."""
    for program in {calling.PRIVATE, refreshing.PRIVATE}:
        assert program.is_file() and program.stat().st_mode & 0o111
    assert (calling.TESTS / "faults" / "__main__.py").is_file()
    assert calling.classify_ms(1) > 0
    state = many_guests.state(None, 0)  # type: ignore[arg-type]
    assert guest_state.told_before(state) == {"addresses": {}, "ssh_host_keys": []}


def test_a_part_that_fails_says_why_and_loses_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(quick: bool) -> list[Row]:
        raise ValueError(f"quick is {quick}")

    good = Figure("a", "1 s")
    monkeypatch.setattr(__main__, "PARTS", {"broken": broken, "good": lambda _: [good]})
    assert __main__.measured(["broken", "good"], quick=True) == ([good], ["broken"])
    said = capsys.readouterr().err
    assert "failed: broken" in said
    assert "ValueError: quick is True" in said
