"""Text of any origin as text that can be shown. Comes in: what a site file, a machine or the engine
said. Goes out: the same words, and nothing that a terminal, an editor or a parser obeys instead of
showing it. Imports nothing.

What is not shown as it is: control characters (ISO 6429, of one byte and of eight bits), the marks
that turn the direction of writing (https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing),
line separators, what XML cannot hold, and what the runner of a pipeline obeys in a job's log
(https://docs.github.com/actions/reference/workflow-commands-for-github-actions, and `##[` and
`##vso[` of Azure Pipelines).
"""

from __future__ import annotations

import re

# Character classes in the words that Python, Rust (pydantic) and ECMAScript (editors) share.
_BEYOND_ASCII = r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff"
NOT_IN_TEXT = rf"\x00-\x08\x0b-\x1f{_BEYOND_ASCII}"
NOT_IN_LINE = rf"\x00-\x1f{_BEYOND_ASCII}"

# Python's own stand-ins for bytes that are not UTF-8 are surrogates.
_CONTROLS = rf"[{NOT_IN_TEXT}\ud800-\udfff]"
# SGR that only sets a colour or a weight: text that blinks or is hidden is not among them.
_COLOUR = r"(?:[0134]|2[234]|[34][0-79]|9[0-7]|[34]8;5;\d{1,3})"
_HIDDEN = re.compile(_CONTROLS)
_HIDDEN_OR_COLOURS = re.compile(rf"(\x1b\[(?:{_COLOUR}(?:;{_COLOUR})*)?m)|{_CONTROLS}")
# At the start of a line, or anywhere (in markup that escapes `[`, too): the first colon or hash
# makes it a command.
_COMMAND = re.compile(
    r"(?m)^(?P<blank>[^\S\n]*):(?=:[A-Za-z-]+(?: |::))|(?P<hash>#)(?=#\w{0,64}\\*\[)"
)


def visible(text: str, colours: bool = False) -> str:
    r"""``text`` with a written form (``\x1b``) in place of all that is not shown as it is.

    Line feeds and tabs stay; ``colours``: sequences that only set a colour stay too.
    """

    def written(match: re.Match[str]) -> str:
        return match[0] if colours and match[1] else repr(match[0])[1:-1]

    text = (_HIDDEN_OR_COLOURS if colours else _HIDDEN).sub(written, text)
    return _COMMAND.sub(lambda match: r"\x23" if match["hash"] else rf"{match['blank']}\x3a", text)


def visible_json(text: str) -> str:
    """JSON that means the same, with JSON's own escapes in place of what is not shown."""
    text = _HIDDEN.sub(lambda match: "".join(f"\\u{ord(c):04x}" for c in match[0]), text)
    return _COMMAND.sub(lambda match: r"\u0023" if match["hash"] else match[0], text)
