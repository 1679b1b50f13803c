"""The Grafana dashboard's queries, as Prometheus gets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parents[1] / "docs/grafana/guesthouse.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text())


def targets() -> Iterator[tuple[str, dict[str, Any]]]:
    """A panel's title and each of its queries (``expr``, ``legendFormat``)."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target


def filled(expression: str, **variables: str) -> str:
    """The expression with the dashboard's variables and a rate interval put in."""
    for name, value in {"__rate_interval": "30s", **variables}.items():
        expression = expression.replace(f"${name}", value)
    return expression
