"""Topology -> SVG that needs nothing else: no fonts, scripts or links; light and dark.

Every host is a card. What guests are plugged into are lanes, guests are boxes to the right of
them, and a NIC is a line to its lane with a dot on it.
"""

from __future__ import annotations

from html import escape

from guesthouse.display import visible
from guesthouse.report.card import GUESTS_OF_ONE, HostCard
from guesthouse.report.colours import DARK, LIGHT
from guesthouse.report.topology import Topology

# Pixels.
_MARGIN, _GAP, _TITLE, _LEGEND = 16, 16, 44, 34
_COLUMNS = 2
_FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"


def svg(topology: Topology) -> str:
    """The picture."""
    cards = [HostCard(host, topology) for host in topology.hosts]
    columns = min(_COLUMNS, len(cards)) or 1
    heights = [_TITLE] * columns
    body = []
    for card in cards:
        column = heights.index(min(heights))
        x, y = _MARGIN + column * (HostCard.WIDTH + _GAP), heights[column]
        body.append(f'<g transform="translate({x} {y})">{card.draw()}</g>')
        heights[column] += card.height + _GAP
    width = 2 * _MARGIN + columns * (HostCard.WIDTH + _GAP) - _GAP
    height = max(heights) + _LEGEND
    title = escape(visible(topology.title))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" font-family="{_FONT}" font-size="12">'
        f"<title>{title}</title><style>{_style()}</style>"
        f'<rect class="page" width="{width}" height="{height}" fill="#ffffff"/>'
        f'<text class="ink" x="{_MARGIN}" y="28" font-size="16" font-weight="600" '
        f'fill="#1f2328">{title}</text>'
    )
    if not cards:
        body.append('<text class="dim" x="16" y="60" fill="#59636e">nothing here</text>')
    body.append(_legend(topology, max(heights) + 6))
    return "\n".join([head, *body, "</svg>"]) + "\n"


def _style() -> str:
    """What is otherwise on a dark page; the light page's colours are attributes."""
    rules = [
        ".page{fill:#0d1117}.card{fill:#161b22;stroke:#3d444d}.ink{fill:#f0f6fc}.dim{fill:#9198a1}",
        ".box{fill:#212830;stroke:#656c76}.bar{fill:#30363d}.full{fill:#58a6ff}.over{fill:#f0883e}",
        ".free{fill:#161b22;stroke:#656c76}.fixed{fill:#656c76;stroke:#656c76}",
        ".held{fill:#58a6ff;stroke:#58a6ff}",
    ]
    for style, colour in DARK.items():
        rules.append(f".f-{style}{{fill:{colour.fill};stroke:{colour.line}}}")
        rules.append(f".t-{style}{{fill:{colour.text}}}")
    return f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}"


def _legend(topology: Topology, y: int) -> str:
    """The styles that occur, from harmless to worst."""
    there = {mark.style for mark in topology.marks.values()}
    parts, x = [], _MARGIN
    for style, colour in LIGHT.items():
        if style not in there:
            continue
        parts.append(
            f'<rect class="f-{style}" x="{x}" y="{y}" width="14" height="14" rx="3" '
            f'fill="{colour.fill}" stroke="{colour.line}"/>'
            f'<text class="dim" x="{x + 20}" y="{y + 11}" fill="#59636e">{style}</text>'
        )
        x += 38 + 7 * len(style)
    if any(len(host.guests) > GUESTS_OF_ONE for host in topology.hosts):
        parts.append(
            f'<text class="dim" x="{x}" y="{y + 11}" fill="#59636e">of many guests those that '
            "change are shown</text>"
        )
    return "".join(parts)
