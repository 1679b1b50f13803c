"""The reference of site files as Markdown: every key with its type, default, values and meaning.

Made of the same two things as the JSON schema: the models, and the example's comments.
"""

from __future__ import annotations

from collections.abc import Iterator

from guesthouse.model.forms import form
from guesthouse.sitefile.meanings import SITE, Meaning, Schema, meanings
from guesthouse.sitefile.schema import models_schema, paragraphs

_HEAD = """\
# Every key of a site file

Made by `guesthouse schema --markdown` from the models and from the comments of
[stacks/example.site.yaml](../stacks/example.site.yaml); not to be edited. For editors there is
[site.schema.json](site.schema.json), made of the same.

All scalars are read as text, so nothing needs quotes for YAML's sake. Paths are relative to the
site file. Units are in the names.
"""
_KINDS = {"string": "text", "integer": "whole number", "boolean": "true or false"}


def text() -> str:
    """The whole reference, the same every time."""
    models = models_schema()
    told = meanings(models)
    parts = [_HEAD]
    for name, places in _order(models).items():
        model = models if name == SITE else models["definitions"][name]
        parts.append(_section(name, model, places, told))
    return "\n".join(parts)


def _order(models: Schema) -> dict[str, list[str]]:
    """Model -> where it is in a site file; in the order of the keys, from outside to inside."""
    found: dict[str, list[str]] = {SITE: []}
    waiting = [SITE]
    while waiting:
        name = waiting.pop(0)
        model = models if name == SITE else models["definitions"][name]
        below = []
        for key, field in model["properties"].items():
            for other, steps in _models_in(field):
                bases = found[name] or [""]
                paths = [f"{base}.{key}{steps}".removeprefix(".") for base in bases]
                if other not in found:
                    below.append(other)
                found.setdefault(other, []).extend(paths)
        waiting = below + waiting
    return found


def _models_in(node: Schema) -> Iterator[tuple[str, str]]:
    """The models that a value may have in it, each with the steps to it."""
    if "$ref" in node:
        yield node["$ref"].rsplit("/", 1)[-1], ""
    for option in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        yield from _models_in(option)
    for value in _named(node):
        yield from ((name, f".NAME{steps}") for name, steps in _models_in(value))
    if "items" in node:
        yield from ((name, f"[]{steps}") for name, steps in _models_in(node["items"]))


def _named(node: Schema) -> list[Schema]:
    others = node.get("additionalProperties")
    return [*node.get("patternProperties", {}).values()] + [others] * isinstance(others, dict)


def _section(
    name: str, model: Schema, places: list[str], told: dict[tuple[str, str], Meaning]
) -> str:
    where = [f"At {', '.join(f'`{place}`' for place in places)}.", ""] if places else []
    rows = [
        _row(key, field, key in model.get("required", ()), told.get((name, key)))
        for key, field in model["properties"].items()
    ]
    head = ["| key | type | default | allowed | meaning |", "| --- | --- | --- | --- | --- |"]
    lines = [f"## {name}", "", *where, paragraphs(model["description"]), "", *head, *rows, ""]
    return "\n".join(lines)


def _row(key: str, field: Schema, required: bool, meaning: Meaning | None) -> str:
    default = "required" if required else f"`{meaning.default}`" if meaning else ""
    cells = (f"`{key}`", _kind(field), default, _allowed(field), meaning.text if meaning else "")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _options(node: Schema) -> list[Schema]:
    """The values that may be there, without "nothing"."""
    either = node.get("anyOf") or node.get("oneOf") or [node]
    return [option for option in either if option.get("type") != "null"]


def _kind(node: Schema) -> str:
    return " or ".join(dict.fromkeys(_one_kind(option) for option in _options(node)))


def _one_kind(node: Schema) -> str:
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    kind = node.get("type", "")
    if kind == "array":
        return f"list of {_kind(node['items'])}"
    named = _named(node)
    if named:
        return f"by name: {_kind(named[0])}"
    return _KINDS.get(kind, "mapping")


def _allowed(node: Schema) -> str:
    options = _options(node)
    words = dict.fromkeys(f"`{word}`" for option in options for word in _words(option))
    rest = (_one_allowed(option) for option in options if not _words(option))
    return "; ".join(dict.fromkeys(filter(None, (", ".join(words), *rest))))


def _words(node: Schema) -> list[str]:
    return node.get("enum") or ([node["const"]] if "const" in node else [])


def _one_allowed(node: Schema) -> str:
    if "items" in node:
        return "; ".join(filter(None, (_count(node, "Items"), _allowed(node["items"]))))
    if "minimum" in node:
        return f"{node['minimum']} to {node['maximum']}"
    if "pattern" in node:
        return form(node["pattern"])
    names = "; ".join(f"names: {form(key)}" for key in node.get("patternProperties", ()))
    return "; ".join(filter(None, (_count(node, "Properties"), names)))


def _count(node: Schema, of: str) -> str:
    """How many entries there may be."""
    least, most = node.get(f"min{of}"), node.get(f"max{of}")
    said = (f"at least {least}" if least else "", f"at most {most}" if most else "")
    return ", ".join(filter(None, said))
