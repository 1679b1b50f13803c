"""Mutations of the site files in stacks/, seeded: what `guesthouse check` makes of each.

`python tests/unit/site_mutations.py COUNT [SEED]` prints one line of JSON and exits with 1 when a
mutation ended in a traceback, took 5 s, or was refused without file and line.
"""

from __future__ import annotations

import json
import random
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from guesthouse.cli.stack import read_site
from guesthouse.errors import SiteError
from guesthouse.placement import plan

CHECKOUT = Path(__file__).resolve().parents[2]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuesthouse"
LIMIT_S, LIMIT_MB = 5, 300
LOCATED = re.compile(r"^\S+\.site\.yaml:\d+:\d+[ :]")
# What no node is meant to be.
ODD: tuple[Any, ...] = (
    None, "", "x", "-1", "9" * 400, "1e999", ".nan", "0x10", "\x00", "a\x0bb", "\x1b[2J", "\u202e",
    "\U0010ffff", "a\nb", "a: b", "*x", "<<", "~root/x", "/" + "a/" * 3000, "%n", "2001:db8::1%e",
    [], {}, [[]], [[["x"]]], {"": ""}, {"a": {"b": ["c"]}}, ["x"] * 50, {"secret": "x"},
    {"<<": "x"}, True, 1.5, -1, 2**70,
)  # fmt: skip
BYTES = (
    b"\x00", b"\x0b", b"\x1b", b"\x7f", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf",
    b"\xfe\xff", b"\xe2\x80\xae", b"\t", b"\r", b"\n", b" ", b":", b"- ", b"? ", b"#", b"&a ",
    b"*a ", b"<<: *a", b"!!int ", b"!x ", b"!!python/object:os.system ", b"%YAML 9.9\n", b"---\n",
    b"...\n", b"|", b">", b"'", b'"', b"{", b"}", b"[", b"]", b"[" * 70, b"{a: " * 70, b"@", b"`",
)  # fmt: skip


def own_peak_mb() -> int:
    """The peak (proc_pid_status(5)); ru_maxrss would begin with that of what forked us."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def texts() -> list[str]:
    """The site files, with keys and digests that are on every machine."""
    found = []
    for path in sorted((CHECKOUT / "stacks").glob("*.site.yaml")):
        text = re.sub(
            r"\{ *file: [^}]*\}|file: \S+\.pub",
            lambda m: json.dumps(KEY) if m[0].startswith("{") else f"key: {KEY}",
            path.read_text(),
        )
        found.append(text)
    return found


def _spots(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every container below ``node`` with each of its keys or positions."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(items):
        yield node, key
        if isinstance(value, dict | list):
            yield from _spots(value)


def _delete(chance: random.Random, holder: Any, key: Any, _: list[tuple[Any, Any]]) -> None:
    del holder[key]


def _odd(chance: random.Random, holder: Any, key: Any, _: list[tuple[Any, Any]]) -> None:
    holder[key] = chance.choice(ODD)


def _swap(chance: random.Random, holder: Any, key: Any, spots: list[tuple[Any, Any]]) -> None:
    other, its_key = chance.choice(spots)
    holder[key] = json.loads(json.dumps(other[its_key]))


def _rename(chance: random.Random, holder: Any, key: Any, _: list[tuple[Any, Any]]) -> None:
    if isinstance(holder, dict):
        name = chance.choice((f"{key}x", str(key)[1:], "", "0", "*", "a\x0bb", "unknown", "é" * 70))
        holder[name] = holder.pop(key)


def _wrap(chance: random.Random, holder: Any, key: Any, _: list[tuple[Any, Any]]) -> None:
    for _turn in range(chance.choice((1, 1, 2, 60, 70))):
        holder[key] = [holder[key]] if chance.random() < 0.5 else {"a": holder[key]}


def _alias(chance: random.Random, holder: Any, key: Any, spots: list[tuple[Any, Any]]) -> None:
    other, its_key = chance.choice(spots)
    holder[key] = other[its_key]


def _merge(chance: random.Random, holder: Any, key: Any, spots: list[tuple[Any, Any]]) -> None:
    other, its_key = chance.choice(spots)
    if isinstance(holder, dict):
        holder["<<"] = other[its_key]


NODES: tuple[Callable[..., None], ...] = (
    _delete,
    _odd,
    _odd,
    _swap,
    _rename,
    _wrap,
    _alias,
    _merge,
)


def _node_level(chance: random.Random, text: str) -> bytes:
    tree = yaml.load(text, yaml.BaseLoader)  # noqa: S506  (texts only)
    spots = list(_spots(tree))
    for _ in range(chance.choice((1, 1, 2, 4))):
        holder, key = chance.choice(spots)
        # An earlier mutation may have taken the spot away, or made a cycle.
        with suppress(LookupError, ValueError):
            chance.choice(NODES)(chance, holder, key, spots)
    # The C emitter writes a merge key unquoted, as a person would.
    dumped = yaml.dump(tree, Dumper=yaml.SafeDumper, allow_unicode=True, sort_keys=False)
    return dumped.replace("'<<':", "<<:").encode(errors="surrogatepass")


def _byte_level(chance: random.Random, text: str) -> bytes:
    data = bytearray(text.encode())
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(len(data))
        end = min(len(data), at + chance.choice((0, 1, 5, 40)))
        kind = chance.randrange(4)
        if kind == 0:
            del data[at:end]
        elif kind == 1:
            data[at:end] = chance.choice(BYTES)
        elif kind == 2:
            data[at:at] = data[at:end] * chance.choice((1, 2, 50))
        else:
            data[at] ^= 1 << chance.randrange(8)
    return bytes(data) or b"x"


def mutations(count: int, seed: int) -> Iterator[bytes]:
    """``count`` files, half of them mutated by node, half by byte."""
    chance = random.Random(seed)  # noqa: S311  (repeatable on purpose)
    bases = texts()
    for number in range(count):
        mutate = _node_level if number % 2 else _byte_level
        yield mutate(chance, chance.choice(bases))


class Hang(BaseException):
    """Took LIMIT_S."""


def outcome(path: Path) -> str:
    """``accepted``, ``refused``, or what is wrong with the program."""

    def late(_number: int, _frame: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LIMIT_S)
    try:
        plan(read_site(path), "project", "stack")
    except SiteError as error:
        bare = [str(problem) for problem in error.problems if not LOCATED.match(str(problem))]
        return f"not located: {bare[0]}" if bare else "refused"
    except Hang:
        return f"hang: {LIMIT_S} s"
    except Exception:
        return "traceback: " + "|".join(traceback.format_exc().splitlines()[-5:])
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return "accepted"


def main(count: int, seed: int) -> int:
    """Tries all; the last line is a summary."""
    counts: Counter[str] = Counter()
    slowest_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutated.site.yaml"
        for number, data in enumerate(mutations(count, seed)):
            path.write_bytes(data)
            began = time.monotonic()
            result = outcome(path)
            slowest_s = max(slowest_s, time.monotonic() - began)
            counts[result.split(":")[0]] += 1
            if ":" in result:
                print(f"mutation {number} of seed {seed}: {result}", file=sys.stderr)
    peak_mb = own_peak_mb()
    print(json.dumps({**counts, "slowest_s": round(slowest_s, 2), "peak_mb": peak_mb}))
    good = set(counts) <= {"accepted", "refused"} and peak_mb < LIMIT_MB
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))
