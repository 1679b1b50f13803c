"""Line by line: what changes in a resource's documents and files."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from guesthouse.display import visible
from guesthouse.report.events import Step

_CONTEXT_LINES = 3


@dataclass(frozen=True)
class Diff:
    """The changed lines of one document, in unified form. ``title`` is its path or its noun."""

    title: str
    text: str


def diffs(step: Step) -> tuple[Diff, ...]:
    """Of a changed resource: domain or network XML, files on the host, and the seed's files."""
    old, new = dict(_documents(step.old)), dict(_documents(step.new))
    found = []
    for title in dict.fromkeys([*new, *old]):
        one, other = (_lines(texts.get(title, "")) for texts in (old, new))
        lines = [*difflib.unified_diff(one, other, lineterm="", n=_CONTEXT_LINES)][2:]
        if lines:
            found.append(Diff(title, "\n".join(lines)))
    return tuple(found)


def _lines(text: str) -> list[str]:
    """As a reviewer sees them: a carriage return ends no line."""
    return visible(text).removesuffix("\n").split("\n") if text else []


def _documents(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Title -> text. What the engine blinded (a text in place of a mapping) is left out."""
    for name, title in (("domain_xml", "domain XML"), ("network_xml", "network XML")):
        if isinstance(values.get(name), str):
            yield title, values[name]
    files = values.get("files")
    for path, file in files.items() if isinstance(files, Mapping) else ():
        if isinstance(file, Mapping):
            yield path, str(file.get("content", ""))
    seed = values.get("seed")
    seeds = seed.get("files") if isinstance(seed, Mapping) else None
    for name, text in seeds.items() if isinstance(seeds, Mapping) else ():
        yield f"seed {name}", str(text)
