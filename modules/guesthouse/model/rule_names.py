"""The kinds of mistakes, by names that stay: what programs that read a report hold on to.

Problems of shape get theirs here, by what pydantic calls them
(https://docs.pydantic.dev/latest/errors/validation_errors/); the others where they are found.
"""

from __future__ import annotations

_KINDS = {
    "missing": "required",
    "union_tag_not_found": "required",
    "extra_forbidden": "unknown-key",
    "literal_error": "choice",
    "union_tag_invalid": "choice",
    "greater_than_equal": "range",
    "less_than_equal": "range",
    "too_short": "size",
    "too_long": "size",
    "string_too_short": "size",
    "string_too_long": "size",
    "string_pattern_mismatch": "form",
    "value_error": "form",
}


def of_shape(kind: str) -> str:
    """The rule that a value breaks which pydantic refuses for ``kind``."""
    return _KINDS.get(kind, "type")
