"""Canonical XML: one element per line, two spaces a level, no comments, so diffs read by line."""

from __future__ import annotations

from lxml import etree

# No entities, no network: the text is ours, and must stay plain even if a value is not.
_PARSER = etree.XMLParser(
    remove_blank_text=True, remove_comments=True, resolve_entities=False, no_network=True
)


def canonical(text: str) -> str:
    """The same document in canonical form; idempotent."""
    root = etree.fromstring(text, _PARSER)
    return etree.tostring(root, encoding="unicode", pretty_print=True)
