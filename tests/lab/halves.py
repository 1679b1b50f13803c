"""The stack lab's site file, reduced to the hosts of one kind and what is on them.

Each half is a lab of its own. What a test replaces in the file is as it was written.
"""

from __future__ import annotations

import re

import yaml


def half(text: str, kind: str) -> str:
    """The site file without hosts of another kind, their guests, and networks of their cards."""
    site = yaml.safe_load(text)
    hosts = {name for name, place in site["lab"].items() if place["kind"] == kind}
    gone = {(section, name) for section in ("hosts", "lab") for name in site["lab"].keys() - hosts}
    gone |= {
        ("guests", name) for name, guest in site["guests"].items() if guest["host"] not in hosts
    }
    cards = {card for name in hosts for card in site["hosts"][name].get("physical_functions", ())}
    for name, network in site["networks"].items():
        if network.get("physical_function", "") not in {"", *cards}:
            gone.add(("networks", name))
    lines, section, entry = [], "", ""
    for line in text.splitlines():
        if found := re.match(r"(\w+):", line):
            section, entry = found[1], ""
        elif found := re.match(r"  (\w+):", line):
            entry = found[1]
        if (section, entry) not in gone:
            lines.append(line)

    def kept(found: re.Match[str]) -> str:
        return f"hosts: [{', '.join(name for name in found[1].split(', ') if name in hosts)}]"

    return re.sub(r"hosts: \[([^]]+)\]", kept, "\n".join(lines)) + "\n"
