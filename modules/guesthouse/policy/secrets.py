"""Texts that hold a secret in clear. What is found is named by its kind, never shown."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# Not a value but where it comes from: $VAR, $(cmd), `cmd`, a crypt hash, a template, our holes, a
# path.
_REFERENCE = r"""["']?(?:[$`@<{%/*!]|(?:yes|no|true|false|none|null|prompt|required)(?![\w-]))"""
_WORD = r"(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
_PATTERNS = (
    ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    ("a password in a URL", r"\b[a-z][a-z0-9+.-]*://[^/\s:@]+:(?![$@<{%])[^/\s@]+@"),
    # Prefixes that the issuers gave their tokens, so that they can be found.
    (
        "an access token",
        r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{22,}|glpat-[\w-]{20,}"
        r"|xox[abprs]-[\w-]{10,}|pul-[0-9a-f]{40}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+)",
    ),
    (
        "an authorization header",
        r"(?i)\bauthorization:\s*(?:bearer|basic)\s+(?![$@<{%])[\w.~+/=-]{8,}",
    ),
    ("a password for chpasswd", r"""["']?[\w-]+:(?![$@<{%])[^\s:"'|]+["']?\s*\|\s*chpasswd\b"""),
    (
        "a password of curl, wget or sshpass",
        r"""\b(?:(?:curl|wget)\b[^\n|;]*\s(?:-u|--user)[ =]["']?[\w.@-]+:|sshpass\s+-p\s*)"""
        r"""["']?(?![$@<{%])[^\s"']+""",
    ),
    (
        "a password, token or key",
        rf"""(?i)\b[\w-]*{_WORD}["']?\s*[=:]\s*(?!{_REFERENCE})["']?\S{{3,}}""",
    ),
    ("a password, token or key", rf"""(?i)--{_WORD}[= ]\s*(?!{_REFERENCE}|-)\S{{3,}}"""),
    ("a password in SQL", r"""(?i)\b(?:password|identified\s+by)\s+'(?![$`@<{%])[^'\s]+'"""),
)
SECRETS = tuple((kind, re.compile(pattern)) for kind, pattern in _PATTERNS)
_KEY = re.compile(rf"(?i)(?:^|[_-]){_WORD}$")
# Bytes; more of a packed file is not looked at.
_UNPACKED_BYTES = 1_000_000


def secret_in(text: str) -> str:
    """What kind of secret a text holds, "" for none."""
    return next((kind for kind, pattern in SECRETS if pattern.search(text)), "")


def secrets(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where a value of cloud-config holds secrets, and of what kind."""
    if isinstance(value, str):
        if kind := secret_in(value):
            yield path, kind
    elif isinstance(value, Mapping):
        for key, item in unpacked(value).items():
            here = (*path, str(key))
            found = list(secrets(item, here))
            if not found and isinstance(item, str) and _is_secret(str(key), item):
                found = [(here, "a password, token or key")]
            yield from found
    elif isinstance(value, Sequence):
        for index, item in enumerate(value):
            found = list(secrets(item, (*path, str(index))))
            # A list in a list is a command, and its words say only together what they are.
            if (
                not found
                and isinstance(item, list)
                and (kind := secret_in(" ".join(map(str, item))))
            ):
                found = [((*path, str(index)), kind)]
            yield from found


def _is_secret(key: str, value: str) -> bool:
    return bool(value and _KEY.search(key)) and not re.match(_REFERENCE, value)


def unpacked(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A file of cloud-init's module write_files with its content as text."""
    encoding, content = str(value.get("encoding", "")), value.get("content")
    if not isinstance(content, str) or not re.search(r"b(?:ase)?64$", encoding):
        return value
    try:
        data = base64.b64decode(content)
        if encoding.startswith("gz"):
            data = zlib.decompressobj(wbits=31).decompress(data, _UNPACKED_BYTES)
    except (binascii.Error, zlib.error):
        return value
    return {**value, "content": data.decode("utf-8", "replace")}
