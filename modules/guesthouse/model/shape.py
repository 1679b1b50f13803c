"""Problems of shape: what pydantic says about values, in the words and the form of this project."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from guesthouse.errors import Problem
from guesthouse.model.forms import form
from guesthouse.model.rule_names import of_shape
from guesthouse.model.values import Model

_WHAT = {
    "missing": "is required",
    "extra_forbidden": "unknown key",
    "int_type": "not a whole number",
    "int_parsing": "not a whole number",
    "int_from_float": "not a whole number",
    "int_parsing_size": "not a whole number",
    "bool_type": "not true or false",
    "bool_parsing": "not true or false",
    "string_type": "not a text",
    "string_unicode": "not a text",
    "model_type": "not a mapping",
    "model_attributes_type": "not a mapping",
    "dict_type": "not a mapping",
    "tuple_type": "not a list",
    "union_tag_not_found": "is required",
    "union_tag_invalid": "unknown kind",
    "too_short": "is empty",
    "string_too_short": "is empty",
    "too_long": "has too many entries",
    "string_too_long": "is too long",
    "literal_error": "unknown value",
    "string_pattern_mismatch": "does not have the right form",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too big",
}
_BOUNDS = {
    "too_short": ("at least", "min_length"),
    "too_long": ("at most", "max_length"),
    "string_too_long": ("at most", "max_length"),
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
}
# What is wrong already says what was seen.
_SAYS_ALL = {"missing", "extra_forbidden", "union_tag_not_found", "too_short", "string_too_short"}
_LONGEST_VALUE = 80


def nearest(word: str, known: Iterable[str]) -> str:
    """The one of ``known`` that was probably meant by ``word``; empty when none is near."""
    close = difflib.get_close_matches(word, list(known), n=3)
    # Swapped letters are the commonest slip: 'lna' means 'lan' rather than 'nat'.
    swapped = [name for name in close if sorted(name) == sorted(word)]
    return next(iter([*swapped, *close]), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint when ``word`` is nearly one of ``known``, else empty."""
    return f"did you mean '{name}'?" if (name := nearest(word, known)) else ""


def problems(error: ValidationError, model: type[Model]) -> list[Problem]:
    """Every problem in a validation error of ``model``, with its place in the values."""
    details = error.errors(include_url=False)
    meant = {
        (*yaml_path(detail)[:-1], meant_key(detail, model))
        for detail in details
        if detail["type"] == "extra_forbidden"
    }
    # A misspelled key is one problem: that the right one is missing follows from it.
    return [
        _problem(detail, model)
        for detail in details
        if detail["type"] not in ("missing", "union_tag_not_found")
        or _own_path(detail) not in meant
    ]


def yaml_path(detail: ErrorDetails) -> tuple[str, ...]:
    """Pydantic's location without its own words: a union's tag, ``[key]`` of a bad key."""
    parts = [str(part) for part in detail["loc"]]
    if parts[-1:] == ["[key]"]:
        parts.pop()
    for kind, tag in (("networks", 2), ("devices", 3)):
        if len(parts) > tag and parts[0] == kind:
            del parts[tag]
    return tuple(parts)


def meant_key(detail: ErrorDetails, model: type[Model]) -> str:
    """The key that was meant by an unknown one; empty when none is near."""
    return nearest(str(detail["loc"][-1]), _keys_at(model, _place(detail)))


def _own_path(detail: ErrorDetails) -> tuple[str, ...]:
    tagless = detail["type"] == "union_tag_not_found"
    return (*yaml_path(detail), "kind") if tagless else yaml_path(detail)


def _problem(detail: ErrorDetails, model: type[Model]) -> Problem:
    kind, path = detail["type"], _own_path(detail)
    if kind == "union_tag_invalid":
        path = (*path, "kind")
    what = _WHAT.get(kind) or detail["msg"].lower()
    hint = ""
    if kind == "value_error":
        # ipaddress begins its messages with the value, which we show as "got".
        what = str(detail["ctx"]["error"]).removeprefix(f"{detail['input']!r} ")
        what = what.removeprefix(f"{detail['input']} ")
    elif kind == "extra_forbidden":
        meant = meant_key(detail, model)
        hint = f"did you mean '{meant}'?" if meant else ""
    elif path[-1:] == ("password",) and kind.startswith("model"):
        command = ". ./env.sh && pulumi config set --secret -s STACK NAME"
        hint = f"write {{secret: NAME}}; its value: {command}"
    return Problem(
        where=".".join(path),
        what=what,
        got=_got(detail, path),
        allowed=_allowed(detail, model),
        hint=hint,
        path=path,
        rule=of_shape(kind),
    )


def _got(detail: ErrorDetails, path: tuple[str, ...]) -> str:
    """The value as text, when it helps; never what might be a secret."""
    value = detail["input"]
    if detail["type"] == "union_tag_invalid":
        value = detail["ctx"]["tag"]
    elif detail["type"] in _SAYS_ALL:
        return ""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if "password" in path or "PRIVATE KEY" in str(value):
        return ""
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _allowed(detail: ErrorDetails, model: type[Model]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return ", ".join(f"'{name}'" for name in _keys_at(model, _place(detail)))
    if kind == "union_tag_invalid":
        return str(context["expected_tags"])
    if kind == "union_tag_not_found":
        return "'bridge', 'nat', 'routed', 'isolated', 'sriov'"
    if kind == "literal_error":
        return str(context["expected"]).replace(" or ", ", ")
    if kind == "string_pattern_mismatch":
        return form(str(context["pattern"]))
    if kind in _BOUNDS:
        sign, bound = _BOUNDS[kind]
        return f"{sign} {context[bound]}"
    if kind.startswith("bool"):
        return "true, false"
    return ""


def _place(detail: ErrorDetails) -> tuple[str, ...]:
    """The model that a key is in, with the union's tag, which tells the kinds apart."""
    return tuple(str(part) for part in detail["loc"][:-1])


def _keys_at(model: type[Model], place: tuple[str, ...]) -> list[str]:
    """The keys that the model at ``place`` knows, sorted."""
    schema = _schema(model)
    node = schema
    for part in place:
        node = _child(node, part, schema)
    return sorted(node.get("properties", {}))


@cache
def _schema(model: type[Model]) -> dict[str, Any]:
    # The shape is found from the JSON schema, so a new field never needs a change here.
    return model.model_json_schema()


def _child(node: dict[str, Any], part: str, schema: dict[str, Any]) -> dict[str, Any]:
    for option in node.get("anyOf") or [node, *node.get("oneOf", ())]:
        shape = _resolve(option, schema)
        if option.get("$ref", "").endswith(f"/{part}"):
            return shape
        tags = shape.get("discriminator", {}).get("mapping", {})
        if part in tags:
            return _resolve({"$ref": tags[part]}, schema)
        if part in shape.get("properties", {}):
            return _resolve(shape["properties"][part], schema)
        patterned = shape.get("patternProperties", {}).values()
        below = [*patterned, shape.get("additionalProperties"), shape.get("items")]
        for child in below:
            if isinstance(child, dict):
                return _resolve(child, schema)
    return {}


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref")
    if not reference:
        optional = [option for option in node.get("anyOf", ()) if option.get("type") != "null"]
        return _resolve(optional[0], schema) if len(optional) == 1 else node
    return dict(schema["$defs"][reference.rsplit("/", 1)[-1]])
