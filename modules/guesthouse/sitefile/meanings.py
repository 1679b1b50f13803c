"""What each key means: the comments of the annotated example, told apart by model and key.

The example is the one source: people read it, editors show it through the JSON schema, and the
reference lists it. A test holds it to the models, so that no key is without a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from guesthouse.sitefile.nodes import MappingNode, Node, ScalarNode, SequenceNode, compose

EXAMPLE = Path(__file__).resolve().parents[3] / "stacks" / "example.site.yaml"
SITE = "Site"

_COMMENT = re.compile(r"# (?:required|default (?P<default>\S+)): (?P<text>\S.*)$")
# A comment goes on where a line holds nothing but "#" and at least two blanks before its words.
_MORE = re.compile(r"\s*#\s{2,}(?P<text>\S.*)$")

Schema = dict[str, Any]


@dataclass(frozen=True)
class Meaning:
    """``default`` is as one would write it, "none" for nothing, empty for a required key."""

    default: str
    text: str

    def __str__(self) -> str:
        return f"{f'default {self.default}' if self.default else 'required'}: {self.text}"


@cache
def example() -> tuple[Node, tuple[str, ...]]:
    """The annotated example: its tree, and its lines."""
    text = EXAMPLE.read_text(encoding="utf-8")
    root = compose(text, str(EXAMPLE))
    assert root is not None
    return root, tuple(text.splitlines())


def meanings(schema: Schema) -> dict[tuple[str, str], Meaning]:
    """(model, key) -> its meaning; ``schema`` is the models' own, which says what a place is."""
    root, lines = example()
    found: dict[tuple[str, str], Meaning] = {}
    for model, key in _keys(root, schema, schema, SITE):
        meaning = _meaning(lines, key)
        # A key inside "{...}" is explained at another place.
        if meaning:
            found.setdefault((model, key.value), meaning)
    return found


def _meaning(lines: tuple[str, ...], key: ScalarNode) -> Meaning | None:
    number = key.start_mark.line
    match = _COMMENT.search(lines[number])
    if not match or not lines[number].lstrip(" -").startswith(f"{key.value}:"):
        return None
    words = [match["text"]]
    for line in lines[number + 1 :]:
        more = _MORE.fullmatch(line)
        if not more:
            break
        words.append(more["text"])
    return Meaning(match["default"] or "", " ".join(words))


def _keys(node: Node, shape: Schema, schema: Schema, name: str) -> Iterator[tuple[str, ScalarNode]]:
    """The model's name and the node of every key below ``node`` that is a field of a model."""
    if isinstance(node, SequenceNode):
        for item in node.value:
            yield from _keys(item, *_resolved(shape.get("items", {}), schema, item))
    if not isinstance(node, MappingNode):
        return
    fields = shape.get("properties", {})
    others = [*shape.get("patternProperties", {}).values(), shape.get("additionalProperties")]
    for key, value in node.value:
        if key.value in fields:
            yield name, key
        below = fields.get(key.value) or next((one for one in others if isinstance(one, dict)), {})
        yield from _keys(value, *_resolved(below, schema, value))


def _resolved(shape: Schema, schema: Schema, node: Node) -> tuple[Schema, Schema, str]:
    """The shape that ``node`` has of those that are allowed, the schema, and the model's name."""
    options = shape.get("anyOf") or shape.get("oneOf") or [shape]
    if "discriminator" in shape and isinstance(node, MappingNode):
        kinds = shape["discriminator"]["mapping"]
        kind = next(value.value for key, value in node.value if key.value == "kind")
        options = [{"$ref": kinds[kind]}]
    named = next((option for option in options if "$ref" in option), None)
    if named is None:
        return options[0], schema, ""
    name = named["$ref"].rsplit("/", 1)[-1]
    return schema["definitions"][name], schema, name
