"""Colours of effects, for light and dark pages: one table for Mermaid and SVG.

Every style has a word beside its colour, for those who see no colours.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Colour:
    """Fill, line and text on the fill, as #rrggbb."""

    fill: str
    line: str
    text: str


# Style (an effect in words, created, deleted) -> colours on a light page.
LIGHT = {
    "none": Colour("#eceff3", "#6e7781", "#24292f"),
    "created": Colour("#d8ecff", "#0969da", "#0a3069"),
    "live": Colour("#d7f5dd", "#1a7f37", "#0b4a20"),
    "link_loss": Colour("#fff4c2", "#9a6700", "#4d3300"),
    "restart": Colour("#ffe2c7", "#bc4c00", "#5c2400"),
    "migrate": Colour("#e9defc", "#8250df", "#3b1e78"),
    "replace": Colour("#ffd9ec", "#bf3989", "#611347"),
    "destroys_data": Colour("#ffd4d1", "#cf222e", "#6b0f16"),
    "deleted": Colour("#ffd4d1", "#cf222e", "#6b0f16"),
}
DARK = {
    "none": Colour("#2d333b", "#8b949e", "#d7dde3"),
    "created": Colour("#0c2d5a", "#58a6ff", "#cfe4ff"),
    "live": Colour("#0f3a1e", "#3fb950", "#c8f2d1"),
    "link_loss": Colour("#41330a", "#d29922", "#fbeab4"),
    "restart": Colour("#4a2508", "#f0883e", "#ffdfc4"),
    "migrate": Colour("#2e1f57", "#a371f7", "#e6dafd"),
    "replace": Colour("#4a1236", "#f778ba", "#ffd9ec"),
    "destroys_data": Colour("#561215", "#f85149", "#ffd8d5"),
    "deleted": Colour("#561215", "#f85149", "#ffd8d5"),
}
