"""No pattern of the schema that editors load takes long for any text (CWE-1333)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "site.schema.json"
LENGTH = 20_000
# A pattern that goes back once over the whole text: what linear time is on this machine.
CONTROL = r"^[^\x00]*\x01$"
# So many times longer than the control at most; a square of LENGTH takes 20,000 times longer.
TIMES = 500
LIMIT_S = 60

# Times in milliseconds, the best of three; the pattern is told before it is tried.
PYTHON = """
import json, re, sys, time
for pattern, text in json.load(sys.stdin):
    print(json.dumps([pattern, text[:40]]), flush=True)
    found = re.compile(pattern)
    times = []
    for _ in range(3):
        start = time.process_time()
        found.search(text)
        times.append(time.process_time() - start)
    print(min(times) * 1000, flush=True)
"""
NODE = """
const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
for (const [pattern, text] of cases) {
  require('fs').writeSync(1, JSON.stringify([pattern, text.slice(0, 40)]) + '\\n');
  const found = new RegExp(pattern, 'u');
  const times = [];
  for (let i = 0; i < 3; i++) {
    const start = process.cpuUsage();
    found.test(text);
    times.push(process.cpuUsage(start).user / 1e3);
  }
  require('fs').writeSync(1, Math.min(...times) + '\\n');
}
"""
ENGINES = {"python": [sys.executable, "-c", PYTHON]}
if node := shutil.which("node"):
    ENGINES["node"] = [node, "-e", NODE]

# Beginnings that lead into a pattern, what is repeated, and an end that does not fit.
STARTS = (
    "",
    "/",
    "a",
    "0",
    "ssh-",
    "ssh-ed25519 A",
    "ecdsa-sha2-",
    "test:///",
    "1_",
    "52",
    "0000:",
)
PUMPS = (
    "a",
    "0",
    "A",
    "/",
    "a/",
    "/a",
    "a.",
    ".",
    "-",
    "a-",
    "_",
    "0_",
    ":",
    " ",
    "=",
    "@",
    "+",
    "~",
)
ENDS = ("\x00", "\n!")


def patterns(node: Any) -> Iterator[str]:
    """Every pattern in a schema, of keys too."""
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        yield from node.get("patternProperties", {})
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, dict | list):
            yield from patterns(child)


PATTERNS = tuple(dict.fromkeys(patterns(json.loads(SCHEMA.read_text()))))


def texts() -> list[str]:
    return [
        start + pump * (LENGTH // len(pump)) + end
        for start in STARTS
        for pump in PUMPS
        for end in ENDS
    ]


def slow(argv: list[str], tried: tuple[str, ...]) -> list[str]:
    """The patterns that take longer than TIMES the control."""
    cases = [(pattern, text) for pattern in tried for text in texts()]
    done = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        told, _ = done.communicate(json.dumps(cases), timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        done.kill()
        told, _ = done.communicate()
        return [f"still at it after {LIMIT_S} s: {json.loads(told.splitlines()[-1])}"]
    assert done.returncode == 0
    lines = told.splitlines()
    times = [(*json.loads(a), float(b)) for a, b in zip(lines[::2], lines[1::2], strict=True)]
    assert len(times) == len(cases)
    allowed = max(time for pattern, _, time in times if pattern == CONTROL) * TIMES
    return [f"{time:.1f} ms: {p} on {text!r}" for p, text, time in times if time > allowed]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_pattern_takes_linear_time(engine: str) -> None:
    assert len(PATTERNS) > 15
    assert slow(ENGINES[engine], (CONTROL, *PATTERNS)) == []


# That of an absolute path, as it was, and one that takes a square.
@pytest.mark.parametrize("pattern", [r"^/([^/\x00-\x1f]+/?)*$", r"^[a-z]*[a-z]*[a-z]*$"])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_measure_measures(engine: str, pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "LIMIT_S", 2)
    (found,) = slow(ENGINES[engine], (CONTROL, pattern))
    assert found.startswith("still at it after 2 s: ['^") and pattern[3:7] in found
