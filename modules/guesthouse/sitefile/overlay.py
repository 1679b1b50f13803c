"""The local part of a site file, laid over it by name."""

from __future__ import annotations

from guesthouse.sitefile.nodes import MAPPING, MappingNode, Node, ScalarNode


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
