"""The memory that a guest's balloon leaves it, put into its running document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from guesthouse.effects.units import parse
from guesthouse.provider.running_xml import with_balloon, without_idle_pins

LATE = """\
<domain type='qemu'>
  <currentMemory unit='KiB'>459776</currentMemory>
  <vcpu placement='static'>1</vcpu>
  <cputune>
    <vcpupin vcpu='0' cpuset='0-1'/>
  </cputune>
</domain>
"""


@dataclass
class Ballooned:
    """What libvirt answers of a running guest."""

    stats: dict[str, int]

    def memoryStats(self) -> dict[str, int]:
        return self.stats


@pytest.mark.parametrize("live", [LATE, without_idle_pins(LATE, 2)], ids=["libvirt's", "ours"])
@pytest.mark.parametrize(("stats", "kib"), [({"actual": 524288}, "524288"), ({}, "459776")])
def test_the_balloon_is_asked_however_the_document_was_written(
    live: str, stats: dict[str, int], kib: str
) -> None:
    domain: Any = Ballooned(stats)
    assert parse(with_balloon(domain, live)).findtext("currentMemory") == kib
