"""YAML text as a tree of nodes that know their place. The only file that knows PyYAML.

Nodes are composed by libyaml (PyYAML's C loader), about six times faster than PyYAML's own code,
which stands in where libyaml is missing. A plain scalar stays text: YAML 1.1 would read ``no`` as
False and a MAC of digits as a number of base 60 (https://yaml.org/type/).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import Reader, ReaderError

__all__ = ["Fault", "MappingNode", "Node", "ScalarNode", "SequenceNode", "compose"]

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
# A site of 5,000 guests has about 350,000 nodes, and aliases may add 20 to each of its guests.
MAX_NODES = 500_000
MAX_ALIASED = 100_000


class Fault(Exception):
    """The text is not one YAML document; line and column count from 1."""

    def __init__(self, what: str, line: int = 1, column: int = 1, hint: str = "") -> None:
        super().__init__(what)
        self.what, self.line, self.column, self.hint = what, line, column, hint

    @classmethod
    def at(cls, node: Node, what: str, hint: str = "") -> Fault:
        return cls(what, node.start_mark.line + 1, node.start_mark.column + 1, hint)


class _TooMany(Exception):
    """The file has more nodes than MAX_NODES."""


class _TooDeep(Exception):
    """Something in ``parent`` is deeper than MAX_DEPTH."""

    def __init__(self, parent: Node | None) -> None:
        super().__init__()
        self.parent = parent


class _Words:
    """Our reading of scalars, in place of YAML 1.1's, and bounds on depth and number of nodes."""

    _depth = 0
    _nodes = 0

    def resolve(self, kind: type[Node], value: str | None, implicit: Any) -> str:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _TooMany
        if kind is ScalarNode:
            plain = implicit[0]
            return NOTHING if plain and value in _NOTHING_WORDS else TEXT
        return _TAGS[kind]

    def descend_resolver(self, parent: Node | None, _index: Any) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _TooDeep(parent)

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
    except _TooDeep as error:
        raise _too_deep(error.parent) from None
    except _TooMany:
        raise Fault(f"has more than {MAX_NODES} values") from None
    if node is not None and "*" in text:
        _bounded(node)
    if node is not None and "<<" in text:
        node = _unfolded(node, {})
    return node


def _too_deep(node: Node | None) -> Fault:
    what = f"nested deeper than {MAX_DEPTH} levels"
    return Fault.at(node, what) if node is not None else Fault(what)


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


@dataclass
class _Extent:
    """What a node is with all aliases written out. ``depth`` is 0 while it is not known yet."""

    nodes: int = 0
    depth: int = 0


def _bounded(root: Node) -> None:
    """Raises Fault when aliases add too much, nest too deep, or make a cycle; expands nothing.

    An alias stands after its anchor, so this goes no deeper than the text is nested.
    """
    seen: dict[int, _Extent] = {}

    def measure(node: Node) -> _Extent:
        extent = seen.get(id(node))
        if extent is not None:
            if extent.depth == 0:
                raise Fault.at(node, "contains itself through an alias")
            return extent
        extent = seen[id(node)] = _Extent(nodes=1)
        depth = 0
        for child in _children(node):
            below = measure(child)
            extent.nodes += below.nodes
            depth = max(depth, below.depth)
            if extent.nodes - len(seen) > MAX_ALIASED:
                raise Fault.at(node, f"aliases add more than {MAX_ALIASED} values")
        extent.depth = depth + 1
        # The scalars at the end are no level of their own, as while the text is parsed.
        if depth > MAX_DEPTH:
            raise _too_deep(node)
        return extent

    measure(root)


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
