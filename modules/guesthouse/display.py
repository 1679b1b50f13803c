"""Text of any origin as text that can be shown. Comes in: what a site file, a machine or the engine
said. Goes out: the same words, and nothing that a terminal, an editor or a parser obeys instead of
showing it. Imports nothing.

What is not shown as it is: control characters (ISO 6429, of one byte and of eight bits), the marks
that turn the direction of writing (https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing),
line separators, and what XML cannot hold.
"""

from __future__ import annotations

import re

# Character classes in the words that Python, Rust (pydantic) and ECMAScript (editors) share.
_BEYOND_ASCII = r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff"
NOT_IN_TEXT = rf"\x00-\x08\x0b-\x1f{_BEYOND_ASCII}"
NOT_IN_LINE = rf"\x00-\x1f{_BEYOND_ASCII}"

# Python's own stand-ins for bytes that are not UTF-8 are surrogates. Colours (SGR) only colour.
_HIDDEN = re.compile(rf"(\x1b\[[0-9;]*m)|[{NOT_IN_TEXT}\ud800-\udfff]")


def visible(text: str, colours: bool = False) -> str:
    r"""``text`` with a written form (``\x1b``) in place of all that is not shown as it is.

    Line feeds and tabs stay; ``colours``: sequences that only set a colour stay too.
    """

    def written(match: re.Match[str]) -> str:
        if match[1]:
            return match[1] if colours else match[1].replace("\x1b", r"\x1b")
        return repr(match[0])[1:-1]

    return _HIDDEN.sub(written, text)


def visible_json(text: str) -> str:
    """JSON that means the same, with JSON's own escapes in place of what is not shown."""
    return _HIDDEN.sub(lambda match: "".join(f"\\u{ord(c):04x}" for c in match[0]), text)
