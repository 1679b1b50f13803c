"""Many virsh commands in one process, and the answer cut into its parts.

virsh(1) runs a list of commands joined by ``;`` and goes on after one that fails; its own
``echo`` marks where each part begins. What does not exist gives an empty part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lxml import etree

SYSTEM = "qemu:///system"
# virsh's echo ends without a line break, so the mark has an end of its own.
_MARK = re.compile(r"==virsh ([^\s=]+)==")

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


def xml(text: str) -> etree._Element:
    """A libvirt document's root element."""
    return etree.fromstring(text.encode(), _PARSER)
