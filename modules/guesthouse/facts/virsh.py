"""Many virsh commands in one process, and the answer cut into its parts.

virsh(1) runs a list of commands joined by ``;`` and goes on after one that fails; its own
``echo`` marks where each part begins. What does not exist gives an empty part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from lxml import etree

SYSTEM = "qemu:///system"
# virsh's echo ends without a line break, so the mark has an end of its own.
_MARK = re.compile(r"==virsh ([^\s=]+)==")

LIMIT_CHARACTERS = 1024**2
# No entities, no network: the text comes from a machine.
_PARSER = etree.XMLParser(remove_comments=True, resolve_entities=False, no_network=True)


def script(parts: Iterable[tuple[str, str]]) -> str:
    """Shell text that runs (mark, command) pairs in one virsh.

    Marks have no blanks. Without a connection it fails; an object that is not there does not.
    """
    lines = [f"echo ==virsh {mark}==;{command}" for mark, command in parts]
    # The last command always has an answer: the exit code says only whether libvirt answered.
    text = ";".join([*lines, "echo ==virsh .==", "uri"])
    return f"LC_ALL=C virsh -q -c {SYSTEM} '{text}'"


def cut(output: str) -> dict[str, str]:
    """Mark -> the output of its command, stripped."""
    pieces = _MARK.split(output)
    return {mark: text.strip() for mark, text in zip(pieces[1::2], pieces[2::2], strict=True)}


def table(text: str) -> dict[str, str]:
    """``Key:   value`` lines of virsh's ``*info`` commands."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def number(text: str) -> int:
    """A number of domstats, at most 64 bits; raises ValueError."""
    value = int(text)
    if abs(value) >= 2**64:
        raise ValueError(f"{value} is beyond 64 bits")
    return value


def domains(text: str) -> Iterator[etree._Element]:
    """The domains of several ``dumpxml``, one after the other; what is no XML is left out."""
    for told in re.findall(r"(?ms)^<domain .*?^</domain>", text):
        with suppress(ValueError, SyntaxError):
            yield xml(told)


def xml(text: str) -> etree._Element:
    """A libvirt document's root element; raises ValueError or SyntaxError for another text.

    libvirt writes no document type; elements cost some hundred times their text.
    """
    if len(text) > LIMIT_CHARACTERS or "<!DOCTYPE" in text:
        raise ValueError("XML that is too large, or has a document type")
    return etree.fromstring(text.encode(), _PARSER)
