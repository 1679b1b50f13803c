"""Topology -> Mermaid, which GitHub and GitLab draw in a comment (https://mermaid.js.org)."""

from __future__ import annotations

from collections.abc import Iterator

from guesthouse.display import visible
from guesthouse.report.colours import LIGHT
from guesthouse.report.topology import Host, Topology, shown

# Mermaid draws at most 500 edges and 50,000 characters (its `maxEdges`, `maxTextSize`), and of
# more guests than these a picture helps nobody.
_EDGES, _CHARACTERS, _GUESTS = 450, 45_000, 60
_NOTHING = 'flowchart LR\n  all["too large to be drawn here: see the pictures"]\n'


def mermaid(topology: Topology) -> str:
    """A flowchart: hosts as frames, in them what guests are plugged into, and guests. Of too many
    guests those that change are shown, as far as there is room."""
    most = max(4, _GUESTS // max(1, len(topology.hosts)))
    for divisor in (1, 2, 4, most + 1):
        text = _drawn(topology, most // divisor)
        if len(text) <= _CHARACTERS and text.count("---") <= _EDGES:
            return text
    return _NOTHING


def _drawn(topology: Topology, most: int) -> str:
    """``most`` guests of each host at most."""
    lines = ["flowchart LR"]
    classes: dict[str, list[str]] = {}
    for number, host in enumerate(topology.hosts):
        key = f"h{number}"
        lines.append(f'  subgraph {key}["{_text(host.name)}"]')
        lines.append("    direction LR")
        lines += [f"    {line}" for line in _host(key, host, topology, most, classes)]
        lines.append("  end")
        if mark := topology.mark("host", host.name, host.name):
            lines.append(f"  style {key} stroke:{LIGHT[mark.style].line},stroke-width:3px")
    # Text and page keep the colours of whoever shows it.
    lines.append("  classDef capacity fill:transparent,stroke-dasharray:4 3")
    for style, keys in classes.items():
        colour = LIGHT[style]
        lines.append(
            f"  classDef {style} fill:{colour.fill},stroke:{colour.line},color:{colour.text}"
        )
        lines.append(f"  class {','.join(keys)} {style}")
    return "\n".join(lines) + "\n"


def _host(
    key: str, host: Host, topology: Topology, most: int, classes: dict[str, list[str]]
) -> Iterator[str]:
    def marked(node: str, kind: str, name: str) -> str:
        mark = topology.mark(kind, host.name, name)
        if mark:
            classes.setdefault(mark.style, []).append(node)
        return f"<br/>{_text(mark.words)}" if mark else ""

    mark = topology.mark("host", host.name, host.name)
    state = [f"host: {mark.words}"] if mark else []
    capacity = "<br/>".join(_text(words) for words in [*host.capacity(), *state])
    yield f'{key}i["{capacity}"]:::capacity'
    cards = {card.name: f"{key}c{number}" for number, card in enumerate(host.cards)}
    for card in host.cards:
        held, node = len(host.holders(card)), cards[card.name]
        vfs = f"{card.total} VFs: {len(card.fixed)} fixed, {held} held, {host.free_vfs(card)} free"
        words = f"{_text(card.name)} ({_text(card.select)})<br/>{vfs}"
        yield f'{node}[["{words}{marked(node, "physical function", card.name)}"]]'
    wires = {wire.key: f"{key}w{number}" for number, wire in enumerate(host.wires)}
    for wire in host.wires:
        node = wires[wire.key]
        words = f"{_text(wire.name)}<br/>{_text(wire.detail)}"
        yield f'{node}(["{words}{marked(node, "network", wire.name)}"])'
        if wire.card in cards:
            yield f"{node} --- {cards[wire.card]}"
    for number, (name, path) in enumerate(host.pools):
        node = f"{key}p{number}"
        yield f'{node}[("{_text(name)}<br/>{_text(path)}{marked(node, "pool", name)}")]'
    guests, more = shown(host, topology, most)
    for number, guest in enumerate(guests):
        node = f"{key}g{number}"
        parts = [guest.name, guest.size, guest.storage, ", ".join(guest.devices)]
        words = "<br/>".join(_text(part) for part in parts if part)
        yield f'{node}["{words}{marked(node, "guest", guest.name)}"]'
        for nic in guest.nics:
            if nic.wire in wires:
                yield f'{node} -- "{_text(nic.label)}" --- {wires[nic.wire]}'
    if more:
        yield f'{key}m["and {more} more guests"]'


def _text(text: str) -> str:
    """In quotes; Mermaid has its own entities (#quot;), and a number sign begins one."""
    for mark, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(mark, entity)
    return visible(text).replace("\n", " ")
