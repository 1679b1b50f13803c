"""Reading a site file of 5,000 guests with positions, against PyYAML's pure loader."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from bench.rows import Row, cpu_s, in_turn
from bench.sites import full_site
from guesthouse import sitefile
from guesthouse.sitefile import nodes, values

COUNT = 5000


def _nothing_wrong(*problem: object) -> None:
    raise AssertionError(problem)


def rows(quick: bool) -> list[Row]:
    """Text to plain values with places; and, for comparison, to a checked Site."""
    count = COUNT // 10 if quick else COUNT
    with TemporaryDirectory(prefix="gh-bench-") as folder:
        file = Path(folder) / "stacks" / "big.site.yaml"
        file.parent.mkdir()
        text = full_site(count)
        file.write_text(text)
        assert sitefile.read(file).problems == ()
        pure, values_only, whole = in_turn(
            3,
            lambda: cpu_s(lambda: yaml.load(text, yaml.SafeLoader)),
            lambda: cpu_s(lambda: values.plain(nodes.compose(text, str(file)), _nothing_wrong)),
            lambda: cpu_s(lambda: sitefile.read(file)),
        )
    against = "PyYAML's pure loader"
    return [
        Row(f"read {count:,} guests with positions", against, 4, True, values_only, pure),
        Row(f"read and check {count:,} guests", against, 1, True, whole, pure),
    ]
