"""Every text of a site file times every attack: refused where it stands, or a value and no more."""

from __future__ import annotations

import json
import re
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from guesthouse.cli import sarif
from guesthouse.cli.families import Collected, families, registry
from guesthouse.display import NOT_IN_TEXT, visible
from guesthouse.errors import SiteError
from guesthouse.placement import Plan
from injection import ATTACKS, FIELDS, TWIN, Position, planned, positions
from injection import read as read_site
from readback import Read, documents, read, report

POSITIONS = positions()
LONGEST_S = 5
OBEYED = re.compile(f"[{NOT_IN_TEXT}]")


def test_every_text_of_the_models_is_attacked() -> None:
    assert {position.field for position in POSITIONS} == FIELDS
    assert len(POSITIONS) * len(ATTACKS) >= 2000


@cache
def _control(position: Position, folder: Path) -> tuple[Plan, str]:
    """The plan of the harmless twin, and the twin; where none is allowed, of the site as it is."""
    for twin in (TWIN, ""):
        try:
            return planned(read_site(folder, position.attacked(twin))), twin and f"{twin}z"
        except SiteError:
            continue
    raise AssertionError(f"{position} has no harmless twin")


@pytest.mark.parametrize("position", POSITIONS, ids=str)
def test_a_text_is_refused_or_a_value(position: Position, tmp_path: Path) -> None:
    control, twin = _control(position, tmp_path)
    texts = documents(control)
    site = planned(read_site(tmp_path, position.attacked("")))
    words = report(control, site, TWIN)
    known = {name: read(name, text, tmp_path) for name, text in texts.items()}
    for name, attack in ATTACKS.items():
        start = time.monotonic()
        file = read_site(tmp_path, position.attacked(attack))
        if file.problems:
            _is_located(file.path, file.problems)
        else:
            assert twin, f"{name}: the twin is refused, the attack is not"
            plan = planned(file)
            _is_a_value(name, documents(plan), texts, known, (twin, f"{attack}z"), tmp_path)
            _is_a_word(name, report(plan, site, attack), words, tmp_path)
        assert time.monotonic() - start < LONGEST_S


def _is_located(path: Path, problems: Any) -> None:
    """Every message says where, and is fit for a terminal and for SARIF."""
    for problem in problems:
        assert problem.position, problem
        assert OBEYED.findall(str(problem)) == []
    made = sarif.text([path], {path: problems})
    assert OBEYED.findall(made) == []
    assert len(json.loads(made)["runs"][0]["results"]) == len(problems)


def _is_a_value(
    name: str,
    made: dict[str, str],
    texts: dict[str, str],
    known: dict[str, Read],
    change: tuple[str, str],
    folder: Path,
) -> None:
    """All documents are the twin's, but for the attack in place of the twin."""
    assert made.keys() == texts.keys()
    for title, text in made.items():
        if text == texts[title]:
            continue
        seen = read(title, text, folder)
        assert seen.structure == known[title].structure, f"{name}: {title}"
        for value, control in zip(seen.values, known[title].values, strict=True):
            if value != control:
                assert value == _changed(title, control, *change), f"{name}: {title}"


def _changed(title: str, control: Any, twin: str, attack: str) -> Any:
    # ssh -G prints an escaped percent sign as some versions have it in the file.
    attack = attack.replace("%", "%%") if title == "ssh.config" else attack
    return control.replace(twin, attack) if isinstance(control, str) else control


def _is_a_word(name: str, made: dict[str, str], control: dict[str, str], folder: Path) -> None:
    """A report has the pages, nodes and elements of a harmless one's."""
    for title, text in made.items():
        assert OBEYED.findall(text) == [], f"{name}: {title}"
        seen, known = (read(title, it, folder).structure for it in (text, control[title]))
        assert seen == known, f"{name}: {title}"


@pytest.mark.parametrize("attack", [*ATTACKS, "harmless"])
def test_a_label_is_a_label(attack: str) -> None:
    text = ATTACKS.get(attack, TWIN)
    rows = [("guesthouse_host_network_receive_bytes_total", ("s", "h", text), 1.0)]
    made = generate_latest(registry(Collected(tuple(families(rows))))).decode()
    (family,) = text_string_to_metric_families(made)
    (sample,) = family.samples
    assert sample.labels == {"stack": "s", "host": "h", "device": visible(text)}


ADDED = {
    "a.xml": ("<a><b/></a>", "<a><b/><b/></a>"),
    "b.xml": ('<a b="1"/>', '<a b="1" c="1"/>'),
    "a.ini": ("[A]\nB=1\n", "[A]\nB=1\r[C]\n"),
    "b.ini": ("# a\n[A]\n", "# a\nB=1\n[A]\n"),
    "a.yaml": ("a: b\n", "a: b\nc: d\n"),
    "b.yaml": ("a: b\n", 'a: "@@password_hash:x@@"\n'),
    "a.json": ('{"a": "b"}', '{"a": ["b"]}'),
    "a.sh": ("cat 'a'", "cat 'a' b"),
    "b.sh": ("cat 'a'", "cat 'a'; b"),
    "ssh.config": ("Host a\n  Port 22\n", "Host a\n  Port 22\n  ProxyCommand b\n"),
    "a.md": ("a\n", "a **b**\n"),
    "b.md": ("```\na\n```\n", "```\na\r```\r# b\n"),
    "a.mmd": ('a["b"]\n', 'a["b"]\n  c["d"]\n'),
    "a.svg": ("<svg><text/></svg>", "<svg><text/><a/></svg>"),
}


@pytest.mark.parametrize("name", ADDED)
def test_a_reader_sees_what_was_added(name: str, tmp_path: Path) -> None:
    control, attacked = (read(name, text, tmp_path).structure for text in ADDED[name])
    assert control != attacked
