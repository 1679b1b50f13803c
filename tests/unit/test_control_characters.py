"""A control character in each text of a site file, one at a time: a finding, never accepted."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from guesthouse.sitefile import read

EXAMPLE = Path(__file__).resolve().parents[2] / "stacks/example.site.yaml"
CHARACTERS = ["\v", "\x00", "\x07", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u202e"]

# What is no text of ours: a file's content, and further cloud-config.
DATA = {"content", "user_data"}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each scalar."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in items:
            yield from leaves(child, (*path, key))
    else:
        yield path


def _site() -> Any:
    site = yaml.load(EXAMPLE.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506
    site["guests"]["web"]["description"] = "a"
    return site


SITE = _site()


def told(folder: Path, site: Any) -> list[str]:
    """What is said of the site; JSON is YAML, and JSON's escapes let every character through."""
    path = folder / "odd.site.yaml"
    path.write_text(json.dumps(site), encoding="utf-8")
    return [str(problem) for problem in read(path).problems]


def test_no_text_holds_a_control_character(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE.with_name("example.pub"), tmp_path)
    assert told(tmp_path, SITE) == []
    paths = [path for path in leaves(SITE) if not DATA & set(path)]
    assert len(paths) > 60
    accepted: dict[tuple[Any, ...], list[str]] = {}
    for path in paths:
        for character in CHARACTERS:
            site = copy.deepcopy(SITE)
            parent = site
            for key in path[:-1]:
                parent = parent[key]
            parent[path[-1]] = f"{parent[path[-1]]}{character}b"
            said = told(tmp_path, site)
            assert not any(character in line for line in said)
            if not said:
                accepted.setdefault(path, []).append(character)
    assert accepted == {}
