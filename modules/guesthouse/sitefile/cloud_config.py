"""Free cloud-config in a site file: its values typed, and held to cloud-init's own schema.

The schema is that of Debian's package ``cloud-init``, which ``make setup`` fetches into the cache;
it is read only when a guest has ``cloud_init.user_data``. The only file that knows jsonschema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from guesthouse import cache
from guesthouse.errors import Problem
from guesthouse.model import Site
from guesthouse.model.shape import did_you_mean
from guesthouse.sitefile.nodes import (
    TEXT,
    DataNode,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
)

if TYPE_CHECKING:
    from jsonschema import ValidationError

SCHEMA = "schema-cloud-config-v1.json"
# YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema), in decimal only: a file
# mode as 0644 stays text, which is what cloud-init asks for.
_KINDS: tuple[tuple[re.Pattern[str], Callable[[str], bool | int | float]], ...] = (
    (re.compile(r"true|True|TRUE|false|False|FALSE"), lambda text: text.lower() == "true"),
    (re.compile(r"[-+]?(0|[1-9][0-9]{0,17})"), int),
    (re.compile(r"[-+]?[0-9]{1,17}\.[0-9]{1,17}"), float),
)
_LONGEST_LIST, _LONGEST_VALUE = 12, 80
_SECRET = re.compile(r"passw|PRIVATE KEY|secret", re.IGNORECASE)
# What these rules refuse is meant as something else.
_WHOLLY_OTHER = ("type", "enum")
_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def typed(root: Node) -> None:
    """Read the plain scalars below every ``guests.*.cloud_init.user_data`` as what they are."""
    for guest in _values(_value(root, "guests")):
        cloud_init = _value(guest, "cloud_init")
        if isinstance(cloud_init, MappingNode):
            cloud_init.value[:] = [
                (key, _typed(value) if key.value == "user_data" else value)
                for key, value in cloud_init.value
            ]


def _value(node: Node | None, name: str) -> Node | None:
    pairs = node.value if isinstance(node, MappingNode) else ()
    return next((value for key, value in pairs if key.value == name), None)


def _values(node: Node | None) -> Iterator[Node]:
    yield from (value for _, value in node.value) if isinstance(node, MappingNode) else ()


def _typed(node: Node) -> Node:
    """A copy, since an alias may mean the same node elsewhere."""
    marks = node.start_mark, node.end_mark
    if isinstance(node, MappingNode):
        return MappingNode(node.tag, [(key, _typed(item)) for key, item in node.value], *marks)
    if isinstance(node, SequenceNode):
        return SequenceNode(node.tag, [_typed(item) for item in node.value], *marks)
    if not isinstance(node, ScalarNode) or node.tag != TEXT or node.style:
        return node
    value = next((read for form, read in _KINDS if form.fullmatch(node.value)), None)
    return DataNode(node, value(node.value)) if value else node


def problems(site: Site) -> Iterator[Problem]:
    """What cloud-init's schema says about every guest's ``cloud_init.user_data``."""
    for name, guest in site.guests.items():
        if guest.cloud_init and guest.cloud_init.user_data:
            path = ("guests", name, "cloud_init", "user_data")
            yield from _problems(path, guest.cloud_init.user_data)


def schema_file() -> Path:
    """Where scripts/schemas.sh puts the schema."""
    return cache.place() / "schemas" / SCHEMA


@lru_cache
def _validator(file: Path) -> Any:
    # Here, since jsonschema takes a while to load and most sites have no cloud-config of their own.
    from jsonschema.validators import validator_for

    if not cache.check(file.parent):
        raise FileNotFoundError(file)
    schema = json.loads(file.read_bytes())
    return validator_for(schema)(schema)


def _problems(path: tuple[str, ...], values: Mapping[str, Any]) -> Iterator[Problem]:
    try:
        validator = _validator(schema_file())
    except cache.DamagedError as error:
        what = f"can't be checked: {error}"
        yield Problem(".".join(path), what, hint="make setup (it fetches the schema)", path=path)
        return
    except (OSError, ValueError):
        what = "can't be checked, cloud-init's schema is missing"
        yield Problem(".".join(path), what, hint="make setup (it fetches the schema)", path=path)
        return
    found = (_Wrong(path, error) for error in validator.iter_errors(dict(values)))
    # The schema is a list of modules, and some keys are in two of them.
    yield from dict.fromkeys(problem for wrong in found for problem in wrong.problems())


class _Wrong:
    """One error of jsonschema, in the words and the form of this project."""

    def __init__(self, base: tuple[str, ...], error: ValidationError) -> None:
        self._base, self._error = base, _nearest(error)

    def problems(self) -> Iterator[Problem]:
        error = self._error
        wanted = cast("Any", error.validator_value)
        rule, value = str(error.validator), cast("Any", error.instance)
        if rule == "additionalProperties" and isinstance(value, Mapping):
            known = _keys(error.schema)
            for key in (key for key in value if key not in known):
                yield self._at((key,), "unknown key", "", _listed(known), did_you_mean(key, known))
        elif rule == "required":
            for key in (key for key in wanted if key not in value):
                yield self._at((key,), "is required", "")
        elif rule == "type":
            names = [_TYPES[name] for name in ([wanted] if isinstance(wanted, str) else wanted)]
            yield self._at((), f"not {' or '.join(names)}", _shown(value))
        elif rule == "enum":
            yield self._at((), "unknown value", _shown(value), _listed(wanted))
        elif rule == "pattern":
            yield self._at((), "does not have the right form", _shown(value), str(wanted))
        elif rule in ("anyOf", "oneOf"):
            forms = ", ".join(dict.fromkeys(form for option in wanted for form in _forms(option)))
            yield self._at((), "fits no form that cloud-init knows", _shown(value), forms)
        else:
            what = f"breaks the rule {rule}: {_short(wanted)} of cloud-init's schema"
            yield self._at((), what, _shown(value))

    def _at(
        self, below: tuple[str, ...], what: str, got: str, allowed: str = "", hint: str = ""
    ) -> Problem:
        parts = (str(part) for part in self._error.absolute_path)
        path = (*self._base, *parts, *below)
        shown = "" if _SECRET.search(f"{path} {got}") else got
        return Problem(".".join(path), what, shown, allowed, hint, path)


def _nearest(error: ValidationError) -> ValidationError:
    """Of several forms that a value may have, the only one of its type says what is wrong."""
    while error.validator in ("anyOf", "oneOf") and error.context:
        meant = [e for e in error.context if e.relative_path or e.validator not in _WHOLLY_OTHER]
        if len({child.relative_schema_path[0] for child in meant}) != 1:
            break
        error = meant[0]
    return error


def _forms(option: Mapping[str, Any]) -> Iterator[str]:
    """One form of several, in words."""
    kinds = option.get("type", ())
    if "enum" in option:
        yield _listed(option["enum"])
    else:
        yield from (_TYPES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _keys(schema: Any) -> list[str]:
    properties = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    return sorted(properties)


def _listed(values: Iterable[Any]) -> str:
    """Values for people, not too many."""
    values = list(values)
    more = len(values) - _LONGEST_LIST
    text = ", ".join(_short(value) for value in values[:_LONGEST_LIST])
    return f"{text} and {more} more" if more > 0 else text


def _shown(value: Any) -> str:
    """The value as text, when it helps."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return "nothing" if value is None else _short(value)


def _short(value: Any) -> str:
    text = {True: "true", False: "false"}.get(value) if isinstance(value, bool) else repr(value)
    assert text is not None
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
