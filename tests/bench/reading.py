"""Reading a site file of 5,000 guests with positions, against PyYAML's pure loader."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from bench.rows import Row, cpu_s, in_turn
from bench.sites import full_site
from guesthouse import sitefile

COUNT = 5000


def rows(quick: bool) -> list[Row]:
    """Ours goes further than the peer: to a checked Site with a place for each value."""
    count = COUNT // 10 if quick else COUNT
    with TemporaryDirectory(prefix="gh-bench-") as folder:
        file = Path(folder) / "stacks" / "big.site.yaml"
        file.parent.mkdir()
        text = full_site(count)
        file.write_text(text)
        assert sitefile.read(file).problems == ()
        pure, ours = in_turn(
            3,
            lambda: cpu_s(lambda: yaml.load(text, yaml.SafeLoader)),
            lambda: cpu_s(lambda: sitefile.read(file)),
        )
    what = f"read {count:,} guests with positions"
    return [Row(what, "PyYAML's pure loader", 4, True, ours, pure)]
