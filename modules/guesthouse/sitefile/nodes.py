"""YAML text as a tree of nodes that know their place. The only file that knows PyYAML.

Nodes are composed by libyaml (PyYAML's C loader), about six times faster than PyYAML's own code,
which stands in where libyaml is missing. A plain scalar stays text: YAML 1.1 would read ``no`` as
False and a MAC of digits as a number of base 60 (https://yaml.org/type/).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import Reader, ReaderError

__all__ = ["Fault", "MappingNode", "Node", "ScalarNode", "SequenceNode", "compose", "merge"]

TEXT = "tag:yaml.org,2002:str"
NOTHING = "tag:yaml.org,2002:null"
MAPPING = "tag:yaml.org,2002:map"
LIST = "tag:yaml.org,2002:seq"
_NOTHING_WORDS = frozenset(("", "~", "null", "Null", "NULL"))
_TAGS: dict[type[Node], str] = {MappingNode: MAPPING, SequenceNode: LIST}


class DataNode(ScalarNode):
    """A truth or a number, where the site file holds data of others (``cloud_config.typed``)."""

    def __init__(self, node: ScalarNode, data: bool | int | float) -> None:
        super().__init__(f"data:{type(data).__name__}", node.value, node.start_mark, node.end_mark)
        self.data = data


MAX_DEPTH = 64
# What aliases may blow the file up to; a site of 5,000 guests has about 350,000 nodes.
MAX_NODES = 4_000_000


class Fault(Exception):
    """The text is not one YAML document; line and column count from 1."""

    def __init__(self, what: str, line: int = 1, column: int = 1, hint: str = "") -> None:
        super().__init__(what)
        self.what, self.line, self.column, self.hint = what, line, column, hint

    @classmethod
    def at(cls, node: Node, what: str, hint: str = "") -> Fault:
        return cls(what, node.start_mark.line + 1, node.start_mark.column + 1, hint)


class _Words:
    """Our reading of scalars, in place of YAML 1.1's, and a bound on the depth."""

    _depth = 0

    def resolve(self, kind: type[Node], value: str | None, implicit: Any) -> str:
        if kind is ScalarNode:
            plain = implicit[0]
            return NOTHING if plain and value in _NOTHING_WORDS else TEXT
        return _TAGS[kind]

    def descend_resolver(self, _parent: Node | None, _index: Any) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise RecursionError

    def ascend_resolver(self) -> None:
        self._depth -= 1


class PureLoader(_Words, yaml.SafeLoader):
    """PyYAML's own parser: slow, always there."""


Loader: type[Any] = PureLoader
with suppress(AttributeError):  # PyYAML was built without libyaml

    class _LibyamlLoader(_Words, yaml.CSafeLoader):
        """libyaml's parser."""

    Loader = _LibyamlLoader


class _NamedText(io.StringIO):
    """Text with a file's name, which PyYAML writes into every mark."""

    name = ""


def compose(text: str, name: str) -> Node | None:
    """The root node of ``text``, None when it is empty; raises Fault. ``name`` is in the marks."""
    stream = _NamedText(text)
    stream.name = name
    try:
        node: Node | None = Loader(stream).get_single_node()
    except ReaderError as error:
        raise _unreadable(text, error) from None
    except yaml.MarkedYAMLError as error:
        raise _fault(text, error) from None
    except RecursionError:
        raise Fault(f"nested deeper than {MAX_DEPTH} levels") from None
    if node is not None and "*" in text:
        _expanded_size(node, {})
    if node is not None and "<<" in text:
        node = _unfolded(node, {})
        _expanded_size(node, {})
    return node


def _unreadable(text: str, error: ReaderError) -> Fault:
    match = Reader.NON_PRINTABLE.search(text)
    before = text[: match.start()] if match else ""
    character = f": {match.group()!r}" if match else ""
    return Fault(
        f"not valid YAML: {error.reason}{character}",
        before.count("\n") + 1,
        len(before) - (before.rfind("\n") + 1) + 1,
    )


def _fault(text: str, error: yaml.MarkedYAMLError) -> Fault:
    what = "not valid YAML: " + ", ".join(part for part in (error.context, error.problem) if part)
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Fault(what)
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    tab = "\t" in line[: len(line) - len(line.lstrip())] or line[mark.column :][:1] == "\t"
    hint = "YAML is indented by blanks, not by tabs" if tab else ""
    return Fault(what, mark.line + 1, mark.column + 1, hint)


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, SequenceNode):
        yield from node.value


def _expanded_size(node: Node, sizes: dict[int, int]) -> int:
    """The number of nodes with all aliases written out; raises Fault on a cycle or a bomb."""
    size = sizes.get(id(node))
    if size == 0:
        raise Fault.at(node, "contains itself through an alias")
    if size is None:
        sizes[id(node)] = 0
        size = 1 + sum(_expanded_size(child, sizes) for child in _children(node))
        if size > MAX_NODES:
            raise Fault.at(node, f"aliases blow this up to more than {MAX_NODES} values")
        sizes[id(node)] = size
    return size


def _unfolded(node: Node, done: dict[int, Node]) -> Node:
    """``node`` with merge keys (``<<: *base``) written out; a mapping's own keys win."""
    if id(node) in done:
        return done[id(node)]
    result = node
    if isinstance(node, SequenceNode):
        items = [_unfolded(item, done) for item in node.value]
        result = SequenceNode(node.tag, items, node.start_mark, node.end_mark)
    elif isinstance(node, MappingNode):
        pairs = [(key, _unfolded(value, done)) for key, value in node.value]
        own = [pair for pair in pairs if not _is_merge(pair[0])]
        taken = {key.value for key, _ in own if isinstance(key, ScalarNode)}
        for merged in (value for key, value in pairs if _is_merge(key)):
            for key, value in _merged_pairs(merged):
                if isinstance(key, ScalarNode) and key.value not in taken:
                    taken.add(key.value)
                    own.append((key, value))
        result = MappingNode(node.tag, own, node.start_mark, node.end_mark)
    done[id(node)] = result
    return result


def _is_merge(key: Node) -> bool:
    return isinstance(key, ScalarNode) and key.value == "<<" and not key.style


def _merged_pairs(node: Node) -> Iterator[tuple[Node, Node]]:
    for source in node.value if isinstance(node, SequenceNode) else [node]:
        if not isinstance(source, MappingNode):
            raise Fault.at(source, "'<<' merges mappings only")
        yield from source.value


def merge(base: Node, over: Node) -> Node:
    """``over`` laid on ``base`` by name: mappings together, anything else replaced."""
    if not (isinstance(base, MappingNode) and isinstance(over, MappingNode)):
        return over
    fresh = {key.value: (key, value) for key, value in over.value if isinstance(key, ScalarNode)}
    pairs = []
    for key, value in base.value:
        pair = fresh.pop(key.value, None) if isinstance(key, ScalarNode) else None
        if pair is None:
            pairs.append((key, value))
        elif isinstance(value, MappingNode) and isinstance(pair[1], MappingNode):
            pairs.append((key, merge(value, pair[1])))
        else:
            pairs.append(pair)
    odd = [pair for pair in over.value if not isinstance(pair[0], ScalarNode)]
    tag = base.tag if base.tag != MAPPING else over.tag
    return MappingNode(tag, [*pairs, *fresh.values(), *odd], base.start_mark, base.end_mark)
