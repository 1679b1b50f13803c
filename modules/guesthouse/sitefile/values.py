"""Nodes to plain values: every scalar as text, only ``null``, ``~`` and nothing as None.

Where the site file holds data of others (DataNode), truths and numbers too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from guesthouse.sitefile.nodes import (
    LIST,
    MAPPING,
    NOTHING,
    TEXT,
    DataNode,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
)

# Called with the node, its YAML path, what is wrong, the value as text and a hint.
Report = Callable[[Node, tuple[str, ...], str, str, str], None]


def plain(node: Node, report: Report, path: tuple[str, ...] = ()) -> Any:
    """Dicts, lists, text and None. What has no plain value is reported and left out."""
    if isinstance(node, MappingNode):
        return _mapping(node, report, path)
    if isinstance(node, SequenceNode):
        if node.tag != LIST:
            _tagged(node, report, path)
        items = enumerate(node.value)
        return [plain(item, report, (*path, str(index))) for index, item in items]
    if node.tag == NOTHING:
        return None
    if isinstance(node, DataNode):
        return node.data
    if node.tag != TEXT:
        _tagged(node, report, path)
    return node.value


def _mapping(node: MappingNode, report: Report, path: tuple[str, ...]) -> dict[str, Any]:
    if node.tag != MAPPING:
        _tagged(node, report, path)
    result: dict[str, Any] = {}
    for key, child in node.value:
        if key.__class__ is not ScalarNode:
            report(key, path, "a key is not plain text", "", "write a name before the colon")
            continue
        name = key.value
        if name in result:
            report(key, (*path, name), "the key is here twice", "", "keep one of the two")
            continue
        # Most nodes are text, so they are read here without another call.
        if child.tag == TEXT:
            result[name] = child.value
        else:
            result[name] = plain(child, report, (*path, name))
    return result


def _tagged(node: Node, report: Report, path: tuple[str, ...]) -> None:
    tag = node.tag.replace("tag:yaml.org,2002:", "!!")
    report(node, path, "YAML tags have no meaning here", f"'{tag}'", "take the tag away")
