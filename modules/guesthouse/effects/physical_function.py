"""A physical function before and after: what its virtual functions' holders feel."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from guesthouse.effects.change import Change, Effect

Values = Mapping[str, Any]
# Changes of which virtual functions guests may get.
COUNT, FIXED = "virtual functions", "fixed virtual functions"
# In words: what a virtual function has when nothing is said.
_UNITS = {"max_tx_mbps": " Mbit/s", "min_tx_mbps": " Mbit/s"}


def physical_function_changes(old: Values, new: Values, held: Collection[str]) -> list[Change]:
    """``virtual_functions`` and ``vfs`` of both; ``held`` says who has virtual functions now;
    ``was`` of the old ones is what was declared of them, where ``vfs`` are as seen.

    The kernel changes their number by way of none (pci-iov-howto): those in use lose their link.
    """
    found = list(_pool_changes(old, new, held))
    alike: dict[tuple[str, str, str], list[int]] = {}
    for number, wanted in new["vfs"].items():
        seen = old["vfs"].get(number, {})
        for name, value in wanted.items() if seen else ():
            if seen.get(name) != value and (name in seen or value):
                words = (name, _words(name, seen.get(name)), _words(name, value))
                alike.setdefault(words, []).append(int(number))
    for (name, one, other), numbers in alike.items():
        what = f"VF {_ranges(sorted(numbers))} {name.removesuffix('_mbps')}"
        found.append(Change(what, one, other, Effect.LIVE_PERSIST))
    return found


def _pool_changes(old: Values, new: Values, held: Collection[str]) -> Iterator[Change]:
    names = ", ".join(sorted(held))
    effect = Effect.LINK_LOSS if held else Effect.LIVE_PERSIST
    before, after = int(old["virtual_functions"]), int(new["virtual_functions"])
    if before != after:
        why = f"all go for a moment, those of {names} too" if held else ""
        yield Change(COUNT, str(before), str(after), effect, why=why)
    was, wanted = (_ranges(sorted(_fixed(v))) for v in (old.get("was") or old["vfs"], new["vfs"]))
    if before == after and was != wanted:
        why = f"the NICs of {names} are plugged in anew" if held else ""
        yield Change(FIXED, was, wanted, effect, why=why)


def _fixed(vfs: Mapping[str, Values]) -> list[int]:
    """Those whose MAC and VLAN are the host's."""
    return [int(number) for number, vf in vfs.items() if "vlan" in vf]


def _ranges(numbers: list[int]) -> str:
    """0, 1, 2, 5 -> "0-2, 5"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{r[0]}-{r[-1]}" if len(r) > 1 else str(r[0]) for r in runs)


def _words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value}{_UNITS.get(name, '')}" if value else ""
