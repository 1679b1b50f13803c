"""Where a YAML path is in its file. Nothing is prepared: a place is found when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from guesthouse.errors import Position, Problem
from guesthouse.sitefile.nodes import MappingNode, Node, ScalarNode, SequenceNode


def shown(path: Path | str) -> str:
    """A path as a user reads it: relative to the folder he is in, when it is below."""
    path = Path(path)
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def path_text(path: tuple[str, ...]) -> str:
    return ".".join(part if part.isprintable() else repr(part) for part in path)


@dataclass(frozen=True)
class Place(Position):
    """A position in a file, as YAML's nodes tell it."""

    @classmethod
    def of(cls, node: Node) -> Place:
        mark = node.start_mark
        return cls(str(mark.name), mark.line + 1, mark.column + 1)

    def with_path(self, path: tuple[str, ...]) -> str:
        text = path_text(path)
        return f"{shown(self.file)}:{self.line}:{self.column}" + (f" {text}" if text else "")


@dataclass(frozen=True)
class Places:
    """The places of everything below ``root``.

    ``files`` are the files in the order in which problems are listed. Paths in ``silent`` have a
    problem of shape: what other checks say about the same place only follows from that.
    """

    root: Node | None
    files: tuple[str, ...]
    silent: frozenset[tuple[str, ...]] = frozenset()
    # The entries of mappings that were asked for, by the mapping's id: keeps a long list of
    # problems linear.
    _entries: dict[int, dict[str, tuple[Node, Node]]] = field(
        default_factory=dict, repr=False, compare=False
    )
    _order: dict[str, tuple[int, int, int]] = field(default_factory=dict, repr=False, compare=False)

    def find(self, path: tuple[str, ...]) -> Place | None:
        """The place of the key (or list item) at ``path``, or of its nearest ancestor's."""
        if self.root is None:
            return None
        node, found = self.root, self.root
        for part in path:
            step = self._step(node, part)
            if step is None:
                break
            found, node = step
        return Place.of(found)

    def _step(self, node: Node, part: str) -> tuple[Node, Node] | None:
        """The node to show and the node to go on from."""
        if isinstance(node, MappingNode):
            if id(node) not in self._entries:
                # The first of two equal keys counts, as it does for the values.
                self._entries[id(node)] = {
                    key.value: (key, value)
                    for key, value in reversed(node.value)
                    if isinstance(key, ScalarNode)
                }
            return self._entries[id(node)].get(part)
        if isinstance(node, SequenceNode) and part.isdecimal() and int(part) < len(node.value):
            item = node.value[int(part)]
            return item, item
        return None

    def locate(self, problem: Problem) -> Problem:
        """``problem`` with ``where`` as ``file:line:column yaml.path``."""
        place = self.find(problem.path)
        if place is None or not (problem.path or problem.where == ""):
            return problem
        return replace(problem, where=self.where(place, problem.path), position=place)

    def where(self, place: Place, path: tuple[str, ...]) -> str:
        """``file:line:column yaml.path``, remembered for ``order``."""
        text = place.with_path(path)
        self._order[text] = (self.files.index(place.file), place.line, place.column)
        return text

    def order(self, problem: Problem) -> tuple[int, int, int]:
        """Sort key of a located problem: file, line, column. What has no place comes first."""
        return self._order.get(problem.where, (0, 0, 0))

    def is_silent(self, path: tuple[str, ...]) -> bool:
        return any(path[:end] in self.silent for end in range(1, len(path) + 1))
