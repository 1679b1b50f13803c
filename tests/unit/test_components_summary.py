"""The line that sums up what a preview does to guests."""

from __future__ import annotations

from guesthouse.components.summary import summary


def _effects(*names: str) -> list[dict[str, str]]:
    return [{"what": "x", "effect": name} for name in names]


def test_each_guest_counts_by_its_worst_change() -> None:
    changes = {
        "web": _effects("none", "live+persist"),
        "db": _effects("live+persist", "restart"),
        "app": _effects("destroys_data", "restart"),
        "idle": _effects(),
        "doc": _effects("none"),
        "www": _effects("live"),
    }
    assert summary(changes) == (
        "guests that change: 1 lose data (app); 1 restart (db); 2 change live; 1 do not feel it"
    )


def test_nothing_is_said_of_nothing() -> None:
    assert summary({"web": []}) == ""


def test_many_names_are_cut() -> None:
    told = summary({f"g{n}": _effects("replace") for n in range(23)})
    assert told.endswith(", g19 and 3 more)")
    assert told.startswith("guests that change: 23 are replaced (g0, g1, ")
