"""Many virsh commands in one process, and the answer cut into its parts.

virsh(1) runs a list of commands joined by ``;`` and goes on after one that fails; its own
``echo`` marks where each part begins. What does not exist gives an empty part.

Some answers have text in them that a guest chose, so no answer may look like a mark: virsh's own
marks have a random word of that one run in them, and what leaves the host is encoded line by line,
``= MARK`` or ``|`` and a line of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from lxml import etree

SYSTEM = "qemu:///system"
_MARK = re.compile(r"= ([^\s=]+)")
# For shell text: ``virsh_encoded`` takes what virsh said, on standard input; its echo ends
# without a line break, so the mark has an end of its own.
ENCODE = r"""
run=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n') && [ -n "$run" ] || exit 1
virsh_encoded() { sed "s/^/|/; s/==$run \([^= ]*\)==/\n= \1\n|/g"; echo; }
"""

LIMIT_CHARACTERS = 1024**2
# No entities, no network: the text comes from a machine.
_PARSER = etree.XMLParser(remove_comments=True, resolve_entities=False, no_network=True)


def mark(text: str) -> str:
    """A virsh command that marks what comes after it, for shell text between single quotes."""
    return f"echo =='$run' {text}=="


def script(parts: Iterable[tuple[str, str]]) -> str:
    """Shell text that runs (mark, command) pairs in one virsh.

    Marks have no blanks. Without a connection it fails; an object that is not there does not.
    """
    lines = [f"{mark(name)};{command}" for name, command in parts]
    # The last command always has an answer: the exit code says only whether libvirt answered.
    text = ";".join([*lines, mark("."), "uri"])
    return (
        f"{ENCODE}told=$(LC_ALL=C virsh -q -c {SYSTEM} '{text}') &&\n"
        "printf '%s\\n' \"$told\" | virsh_encoded"
    )


def cut(output: str) -> dict[str, str]:
    """Mark -> the output of its command, stripped. A line that is not encoded belongs to nobody."""
    answers: dict[str, list[str]] = {}
    lines: list[str] = []
    # Not splitlines(): an answer may hold other line breaks than those that were encoded.
    for line in output.split("\n"):
        if found := _MARK.fullmatch(line):
            lines = answers.setdefault(found.group(1), [])
        elif line.startswith("|"):
            lines.append(line[1:])
    return {name: "\n".join(text).strip() for name, text in answers.items()}


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
