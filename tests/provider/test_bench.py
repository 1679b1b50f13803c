"""Every part of `make bench` runs at its smallest size, and each row of it is a number."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests" / name) for name in ("", "hypervisor")]

import many_guests  # noqa: E402

from bench import __main__ as bench  # noqa: E402
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
    monkeypatch.setattr(bench.reading, "COUNT", 50)
    assert whole(bench.reading.rows(quick=True)) == ["read 5 guests with positions"]


def test_rendering() -> None:
    assert whole(bench.rendering.rows(quick=True)) == ["safe rendering of a guest"]


def test_importing() -> None:
    assert whole(bench.importing.rows(quick=True)) == ["import of the toolkit"]


def test_disks() -> None:
    """Whole where the lab has made its image once; else it says what makes it."""
    rows = bench.disks.rows(quick=True)
    if missing := {row.missing for row in rows} - {""}:
        assert missing == {"no image in the cache: guesthouse lab up"}
    else:
        whole(list(rows))


def test_what_wants_the_lab_says_so() -> None:
    for name in ("guests", "changing"):
        rows = bench.PARTS[name](True)
        assert {getattr(row, "missing", "") for row in rows} == {"guesthouse lab up, then --lab"}


def test_no_part_is_left_out() -> None:
    """A new part gets a test here."""
    assert set(bench.PARTS) == {
        *("reading", "rendering", "importing", "disks", "previewing", "scale"),
        *("calling", "refreshing", "guests", "changing"),
    }


@pytest.mark.parametrize(
    ("ours", "peer", "met"), [(1.0, 2.0, True), (3.0, 2.0, False), (1.0, -1.0, None), (0, 1, None)]
)
def test_noise_is_no_ratio(ours: float, peer: float, met: bool | None) -> None:
    assert Row("a", "b", 1.2, ours=ours, peer=peer).met is met


def test_previewing() -> None:
    """The engine finds the peer's plugin, and both projects preview without a change."""
    with (
        bench.previewing.deployed(bench.previewing.Ours, 1) as ours,
        bench.previewing.deployed(bench.previewing.Stock, 1) as stock,
    ):
        for project in (ours, stock):
            project.pulumi("preview", "--expect-no-changes")


def test_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.scale, "COUNT", 120)
    rows = bench.scale.rows(quick=True)
    assert whole(rows) == ["preview of 12 new guests"]
    assert all(name in rows[0].text for name in ("engine", "program", "provider"))


def test_what_needs_a_libvirtd_of_its_own_has_its_program_and_states() -> None:
    """`calling` and `refreshing` run whole by `make bench` alone: they need `setup.sh --long`."""
    for program in {bench.calling.PRIVATE, bench.refreshing.PRIVATE}:
        assert program.is_file() and program.stat().st_mode & 0o111
    assert (bench.calling.TESTS / "faults" / "__main__.py").is_file()
    assert bench.calling.classify_ms(1) > 0
    state = many_guests.state(None, 0)  # type: ignore[arg-type]
    assert guest_state.told_before(state) == {"addresses": {}, "ssh_host_keys": []}


def test_a_part_that_fails_says_why_and_loses_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(quick: bool) -> list[Row]:
        raise ValueError(f"quick is {quick}")

    good = Figure("a", "1 s")
    monkeypatch.setattr(bench, "PARTS", {"broken": broken, "good": lambda _: [good]})
    assert bench.measured(["broken", "good"], quick=True) == ([good], ["broken"])
    said = capsys.readouterr().err
    assert "failed: broken" in said
    assert "ValueError: quick is True" in said
