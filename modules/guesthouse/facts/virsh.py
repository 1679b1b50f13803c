"""Many virsh commands in one process, and the answer cut into its parts.

virsh(1) runs a list of commands joined by ``;`` and goes on after one that fails; its own
``echo`` marks where each part begins. What does not exist gives an empty part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lxml import etree

SYSTEM = "qemu:///system"
# virsh's echo ends without a line break, so the mark has an end of its own.
_MARK = re.compile(r"==virsh (\d+) (\S+)==")

# No entities, no network: the text comes from a machine.
_PARSER = etree.XMLParser(remove_comments=True, resolve_entities=False, no_network=True)


def virsh(names: Iterable[str], commands: Sequence[str]) -> str:
    """Shell text that runs each command (with ``%s`` for the name) for each name.

    Names are RFC 1123 labels, so they need no quoting. Without a connection it fails; an object
    that does not exist is no failure.
    """
    parts = [
        f"echo ==virsh {index} {name}==;{command % name}"
        for name in names
        for index, command in enumerate(commands)
    ]
    # The last command always has an answer: the exit code says only whether libvirt answered.
    script = ";".join([*parts, "echo ==virsh 0 .==", "uri"])
    return f"LC_ALL=C virsh -q -c {SYSTEM} '{script}'"


def parts(output: str) -> dict[tuple[str, int], str]:
    """(name, number of the command) -> its output, stripped."""
    pieces = _MARK.split(output)
    triples = zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True)
    return {(name, int(index)): text.strip() for index, name, text in triples}


def table(text: str) -> dict[str, str]:
    """``Key:   value`` lines of virsh's ``*info`` commands."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def xml(text: str) -> etree._Element:
    """A libvirt document's root element."""
    return etree.fromstring(text.encode(), _PARSER)
