"""One host as a card of the picture: capacity, cards and networks on top, guests below.

All lengths are pixels.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape
from typing import ClassVar

from guesthouse.display import visible
from guesthouse.report.colours import LIGHT
from guesthouse.report.topology import Card, Guest, Host, Mark, Topology, Wire, shown

# More guests of one host than these make no picture.
GUESTS_OF_ONE = 60
_PAD, _LINE, _LANE, _GAP = 14, 17, 14, 8
# More lanes than find room in this lie closer together.
_ALL_LANES = 196
# The mean width of a character of a sans-serif font, in parts of its size.
_WIDTH_OF_CHARACTER = 0.54
# Lanes, so that neighbours differ on light and on dark pages.
_LANES = ("#3b82f6", "#e0823d", "#2fa66a", "#b56be0", "#d6457f", "#1aa5b8", "#a38a1f", "#7c8796")


class HostCard:
    """Draws itself at the origin; ``height`` is known once it was made."""

    WIDTH: ClassVar[int] = 600

    def __init__(self, host: Host, topology: Topology) -> None:
        self._host, self._topology = host, topology
        self._parts: list[str] = []
        plugged = {nic.wire for guest in host.guests for nic in guest.nics}
        wires = [wire.key for wire in host.wires if wire.key in plugged]
        self._lanes = {key: index for index, key in enumerate(wires)}
        self._ends: dict[str, tuple[int, int]] = {}
        self._lane = min(_LANE, _ALL_LANES / max(1, len(wires)))
        self._left = _PAD + round(self._lane * len(wires)) + (6 if wires else 0)
        self._y = 10
        self._head()
        for card in host.cards:
            self._card(card)
        for wire in host.wires:
            self._wire(wire)
        self._guests()
        self.height = self._y + _PAD - _GAP

    def draw(self) -> str:
        """The card: lanes lie under the boxes."""
        mark = self._topology.mark("host", self._host.name, self._host.name)
        line = LIGHT[mark.style].line if mark else "#d1d9e0"
        frame = (
            f'<rect class="card" width="{self.WIDTH}" height="{self.height}" rx="10" '
            f'fill="#f6f8fa" stroke="{line}"/>'
        )
        lanes = [
            f'<path d="M{self._x(key)} {top}V{bottom}" stroke="{self._colour(key)}" '
            'stroke-width="3" fill="none" stroke-linecap="round"/>'
            for key, (top, bottom) in self._ends.items()
        ]
        return "\n".join([frame, *lanes, *self._parts])

    def _x(self, key: str) -> str:
        return f"{_PAD + 4 + self._lanes[key] * self._lane:g}"

    def _colour(self, key: str) -> str:
        return _LANES[self._lanes[key] % len(_LANES)]

    def _text(
        self, x: float, y: int, text: str, room: float, style: str = "ink", extra: str = ""
    ) -> None:
        """``room`` is the width that the text may take; it is cut to fit."""
        size = 14 if "14" in extra else 12
        most = max(3, int(room / (size * _WIDTH_OF_CHARACTER)))
        text = visible(text)
        cut = text if len(text) <= most else f"{text[: most - 1]}…"
        fill = {"ink": "#1f2328", "dim": "#59636e"}.get(style) or LIGHT[style[2:]].text
        self._parts.append(
            f'<text class="{style}" x="{x:g}" y="{y}" fill="{fill}"{extra}>{escape(cut)}</text>'
        )

    def _head(self) -> None:
        host, middle = self._host, self.WIDTH // 2
        self._text(_PAD, self._y + 18, host.name, middle, extra=' font-size="14" font-weight="600"')
        self._badge(self._topology.mark("host", host.name, host.name), self._y + 4)
        self._y += 32
        width = (self.WIDTH - 2 * _PAD - 16) // 2
        memory, vcpus = host.capacity()[:2]
        self._bar(_PAD, width, memory, host.used_mib, host.memory_mib)
        self._bar(_PAD + width + 16, width, vcpus, host.used_vcpus, host.vcpus)
        self._y += 34
        if host.pools:
            pools = ", ".join(f"{name} {path}" for name, path in host.pools)
            self._text(_PAD, self._y + 6, f"pools: {pools}", self.WIDTH - 2 * _PAD, "dim")
            self._y += _LINE
        self._y += 4

    def _bar(self, x: int, width: int, words: str, count: int, of: int | None) -> None:
        self._text(x, self._y + 10, words, width, "dim")
        if not of:
            return
        part = min(1.0, count / of)
        fill, style = ("#bc4c00", "over") if count > of else ("#0969da", "full")
        for name, colour, share in (("bar", "#d1d9e0", 1.0), (style, fill, part)):
            self._parts.append(
                f'<rect class="{name}" x="{x}" y="{self._y + 16}" width="{width * share:g}" '
                f'height="6" rx="3" fill="{colour}"/>'
            )

    def _box(self, mark: Mark | None, height: int) -> None:
        style, fill, line = "box", "#ffffff", "#afb8c1"
        if mark:
            style, fill, line = f"f-{mark.style}", LIGHT[mark.style].fill, LIGHT[mark.style].line
        dashes = ' stroke-dasharray="5 3"' if mark and mark.style == "deleted" else ""
        self._parts.append(
            f'<rect class="{style}" x="{self._left}" y="{self._y}" '
            f'width="{self.WIDTH - self._left - _PAD}" height="{height}" rx="6" fill="{fill}" '
            f'stroke="{line}"{dashes}/>'
        )

    def _badge(self, mark: Mark | None, y: int) -> None:
        """The mark in words, at the right."""
        if mark:
            self._parts.append(
                f'<text class="t-{mark.style}" x="{self.WIDTH - _PAD - 10}" y="{y + 14}" '
                f'text-anchor="end" font-weight="600" fill="{LIGHT[mark.style].text}">'
                f"{escape(visible(mark.words))}</text>"
            )

    @property
    def _room(self) -> float:
        """Width of a line in a box."""
        return self.WIDTH - self._left - _PAD - 20

    def _card(self, card: Card) -> None:
        """A physical function: a cell for each virtual function, as far as there is room."""
        mark = self._topology.mark("physical function", self._host.name, card.name)
        held, free = self._host.holders(card), self._host.free_vfs(card)
        height = 56 if card.total else 40
        self._box(mark, height)
        self._badge(mark, self._y + 2)
        style = f"t-{mark.style}" if mark else "ink"
        x = self._left + 10
        title = f"{card.name} ({card.select})" if card.select else card.name
        self._text(x, self._y + 16, title, self._room * 0.7, style, ' font-weight="600"')
        words = f"{card.total} VFs: {len(card.fixed)} fixed, {free} free, {len(held)} held"
        words += f" by {', '.join(held)}" if held else ""
        self._text(x, self._y + 32, words, self._room, style if mark else "dim")
        kinds = ["fixed"] * len(card.fixed) + ["held"] * len(held) + ["free"] * max(0, free)
        # Cells and gaps shrink together: a card may have hundreds of functions.
        pitch = min(17.0, self._room / max(1, len(kinds)))
        for index, kind in enumerate(kinds):
            fill, line = {
                "fixed": ("#59636e", "#59636e"),
                "held": ("#0969da", "#0969da"),
                "free": ("#ffffff", "#818b98"),
            }[kind]
            self._parts.append(
                f'<rect class="{kind}" x="{x + index * pitch:g}" y="{self._y + 39}" '
                f'width="{pitch * 14 / 17:g}" height="10" rx="2" fill="{fill}" stroke="{line}"/>'
            )
        self._y += height + _GAP

    def _dot(self, key: str, y: int) -> None:
        """A line from the boxes' edge to a lane, and the lane down to here."""
        top = self._ends.get(key, (y, y))[0]
        self._ends[key] = top, y
        self._parts.append(
            f'<path d="M{self._x(key)} {y}H{self._left}" stroke="{self._colour(key)}" '
            f'stroke-width="1.5" fill="none"/>'
            f'<circle cx="{self._x(key)}" cy="{y}" r="4" fill="{self._colour(key)}"/>'
        )

    def _wire(self, wire: Wire) -> None:
        mark = self._topology.mark("network", self._host.name, wire.name)
        self._box(mark, 26)
        if wire.key in self._lanes:
            self._dot(wire.key, self._y + 13)
        style = f"t-{mark.style}" if mark else "ink"
        x, name = self._left + 10, min(len(wire.name), 20)
        self._text(x, self._y + 17, wire.name, 140, style, ' font-weight="600"')
        shift = 14 + name * 7
        self._text(
            x + shift, self._y + 17, wire.detail, self._room - shift - 110, style if mark else "dim"
        )
        self._badge(mark, self._y + 3)
        self._y += 26 + _GAP

    def _guests(self) -> None:
        guests, more = shown(self._host, self._topology, GUESTS_OF_ONE)
        self._y += 4 if guests else 0
        for guest in guests:
            self._guest(guest)
        if more:
            self._text(self._left, self._y + 12, f"and {more} more guests", self._room, "dim")
            self._y += _LINE + _GAP

    def _guest(self, guest: Guest) -> None:
        mark = self._topology.mark("guest", self._host.name, guest.name)
        lines = _lines(guest, int(self._room / (12 * _WIDTH_OF_CHARACTER)))
        rows = 1 + len(lines) + len(guest.nics)
        self._box(mark, 10 + rows * _LINE)
        self._badge(mark, self._y + 3)
        style, x = f"t-{mark.style}" if mark else "ink", self._left + 10
        self._y += 17
        self._text(x, self._y, guest.name, self._room * 0.7, style, ' font-weight="600"')
        for line in lines:
            self._y += _LINE
            self._text(x, self._y, line, self._room, style if mark else "dim")
        for nic in guest.nics:
            self._y += _LINE
            if nic.wire in self._lanes:
                self._dot(nic.wire, self._y - 4)
            wire = next((w.name for w in self._host.wires if w.key == nic.wire), "")
            words = f"{nic.label} → {wire}" if wire else nic.label
            self._text(x, self._y, words, self._room, style)
        self._y += 10 + _GAP


def _lines(guest: Guest, most: int) -> Sequence[str]:
    """What is said of a guest, in lines of so many characters at most."""
    devices = f"devices: {', '.join(guest.devices)}" if guest.devices else ""
    texts = (guest.size, guest.storage, devices)
    return [line for text in texts for line in textwrap.wrap(text, most)]
