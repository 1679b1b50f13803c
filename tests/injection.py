"""Attacks through every text of a site file: where a text stands, and what is put there.

The positions come from the models themselves, walked over sites that have every field (the golden
cases "everything" and "memory"), so that a new field is attacked as soon as it is there.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any

from pydantic import BaseModel

import cases
from guesthouse import sitefile
from guesthouse.model import Site
from guesthouse.placement import Plan, plan
from guesthouse.sitefile.reader import SiteFile

# What stands in the harmless twin where the attack stands: good for names, paths and words.
TWIN = "zq7"
ATTACKS = {
    "ssh option": "\n  ProxyCommand sh -c 'id'",
    "ssh option by return": "\r  ProxyCommand sh -c id",
    "ssh tokens": '" %h ${HOME} \\',
    "networkd section": "\n[Route]\nGateway=10.0.0.1",
    "scope id": "%eth0\n[Route]\nGateway=10.0.0.1",
    "XML element": "</name></description><disk/>]]><!-- &x; &#10;",
    "XML attribute": '"/><emulator a="',
    "shell": "'\"; id; $(id) `id` | id && id #",
    "YAML key": "\nevil: true\n- evil: !!python/object x",
    "YAML flow": '"}, evil: {a: "b", # x: y',
    "Markdown": "\n```\n\n# No risk found\n\n| a | b |\n| --- | --- |\n",
    "Markdown in a line": " **x** [x](x:y) <b>x</b> | `x` @all ~~x~~",
    "Markdown by return": "\r```\r\rNo risk found, merge",
    "Mermaid": '"]\n  evil["x"]\n  click evil href "javascript:x"',
    "Mermaid by return": "\r  end\r  evil --> evil2",
    "SVG": "<script>alert(1)</script><a href='x'>",
    "label": '"} 1\nevil{a="',
    "terminal": "\x1b]52;c;eA==\x07\x1b[2J\u009b2J",
    "direction": "\u202ex\u2066x\u2028x\u2029x",
    "template": "{{ 7*7 }}{% raw %}{# x #}@@password_hash:x@@@VF0:bus@@PCI@",
    "nothing": "\x00\x85x",
    "unit": "; x\n[Service]\nExecStart=/bin/id",
}
Path_ = tuple[str, ...]


@dataclass(frozen=True)
class Position:
    """A text: the golden case that has it, its path in the values, whether it is a key there, and
    whose field it is."""

    case: str
    path: Path_
    is_key: bool
    field: str

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}{' (key)' if self.is_key else ''}"

    def attacked(self, text: str) -> Any:
        """The values of the case, with ``text`` and a letter at the end of this one."""
        made = json.loads(base(self.case))
        # A blank at an end is taken away, so the attack is not the end.
        text = f"{text}z" if text else ""
        node = made
        for part in self.path[:-1]:
            node = node[int(part)] if isinstance(node, list) else node[part]
        last: Any = int(self.path[-1]) if isinstance(node, list) else self.path[-1]
        if not self.is_key:
            # A scope id stands before the prefix length.
            scoped = text[:1] == "%" and ":" in node[last]
            address, slash, prefix = node[last].partition("/" if scoped else "\0")
            node[last] = f"{address}{text}{slash}{prefix}"
            return made
        renamed = {f"{k}{text}" if k == last else k: item for k, item in node.items()}
        node.clear()
        node.update(renamed)
        return made


def texts_of(model: type[BaseModel], seen: set[str] | None = None) -> set[str]:
    """``Model.field`` of every field that a text may be in, and ``Model.field (key)``."""
    seen = set() if seen is None else seen
    if model.__name__ in seen:
        return set()
    seen.add(model.__name__)
    found: set[str] = set()
    for name, info in model.model_fields.items():
        for kind in _kinds(info.annotation, seen):
            found |= kind if isinstance(kind, set) else {f"{model.__name__}.{name}{kind}"}
    return found


def _kinds(annotation: Any, seen: set[str]) -> Iterator[str | set[str]]:
    """ "" for a text, " (key)" for one that is a key, and the texts of models below."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        yield from _kinds(arguments[0], seen)
    elif origin is dict:
        if str in (arguments[0], *typing.get_args(arguments[0])):
            yield " (key)"
        yield from _kinds(arguments[1], seen)
    elif origin in (typing.Union, UnionType, tuple):
        for argument in arguments:
            yield from _kinds(argument, seen)
    elif origin is typing.Literal or annotation is str or annotation is Any:
        yield ""
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield texts_of(annotation, seen)


def _walk(case: str, node: Any, path: Path_, field: str) -> Iterator[Position]:
    if isinstance(node, BaseModel):
        for name in type(node).model_fields:
            value = getattr(node, name)
            yield from _walk(case, value, (*path, name), f"{type(node).__name__}.{name}")
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if isinstance(key, str):
                yield Position(case, (*path, key), True, f"{field} (key)")
            yield from _walk(case, value, (*path, str(key)), field)
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _walk(case, value, (*path, str(index)), field)
    elif isinstance(node, str):
        yield Position(case, path, False, field)


def positions() -> list[Position]:
    """One of every field; where the data is cloud-init's own, all of them."""
    found: dict[str, Position] = {}
    walked = (_walk(case, cases.site(case), (), "") for case in ("everything", "memory"))
    for position in itertools.chain(*walked):
        own = position.field.startswith("CloudInit.user_data")
        kind = "IPv6" if _is_ipv6(position) else ""
        found.setdefault(str(position) if own else position.field + kind, position)
    return list(found.values())


def _is_ipv6(position: Position) -> bool:
    """An IPv6 address, which is another form of the same field."""
    value: Any = json.loads(base(position.case))
    for part in position.path:
        value = value[int(part)] if isinstance(value, list) else value[part]
    text = "" if position.is_key else value.partition("/")[0]
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


@cache
def base(case: str) -> str:
    """The plain values of a case, as JSON."""
    return json.dumps(cases.site(case).model_dump(mode="json", exclude_none=True))


def read(folder: Path, values: Any) -> SiteFile:
    """The values as a site file (JSON is YAML), read as `guesthouse check` does."""
    file = folder / "a.site.yaml"
    file.write_text(json.dumps(values))
    return sitefile.read(file)


def planned(file: SiteFile) -> Plan:
    """Raises SiteError with what placement finds."""
    return plan(file.checked(), project="golden", stack="injected")


FIELDS = texts_of(Site)
