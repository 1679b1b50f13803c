"""A plan's documents, read back by parsers of their languages: the structure, and the values in it.

Structure is what a value must never change: elements and attributes, sections and keys, words of a
command, blocks of a page.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from lxml import etree
from markdown_it import MarkdownIt
from report_case import step

from guesthouse import render
from guesthouse.placement import Plan
from guesthouse.provider.ownership import quoted
from guesthouse.report import Ending, Outcome, read_events, report_files

# Programs that read lines end them at any of these (systemd: a NUL too, read_line_full()).
_LINES = re.compile("\r\n|[\n\r\0\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_HOLE = re.compile(r"@@[a-z_]+(:[A-Za-z0-9_]+)?@@")
_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class Read(NamedTuple):
    """``structure`` and ``values`` in the order of the document."""

    structure: list[Any]
    values: list[Any]


def documents(plan: Plan) -> dict[str, str]:
    """All texts that a plan is rendered to, by a name that no text of the site is part of."""
    made = {}
    for number, host in enumerate(plan.hosts.values()):
        files = list(render.host_document(host).files.items())
        for function in host.host.physical_functions:
            document = render.physical_function_document(host, function)
            files += document.files.items()
        ours = [f for f in files if "/10-guesthouse-" in f[0] or f[0].endswith(".service")]
        for index, (_, file) in enumerate(ours):
            made[f"host {number} file {index}.ini"] = file.content
    for number, network in enumerate(plan.networks):
        made[f"network {number}.xml"] = render.network_document(network)
    for number, pool in enumerate(plan.vf_networks):
        made[f"VF network {number}.xml"] = render.vf_network_document(pool)
    for number, guest in enumerate(plan.guests.values()):
        made[f"guest {number}.xml"] = (document := render.guest_document(guest)).domain_xml
        for name, text in document.seed.items():
            made[f"guest {number} {name}.yaml"] = text
    machines = render.machines(plan, {}, {})
    made["ssh.config"] = render.ssh_config(plan.identity.mark, machines)
    made["inventory.json"] = json.dumps(render.ansible_inventory(machines))
    made["paths.sh"] = "\n".join(f"cat {quoted(path)}" for path in _paths(plan))
    return made


def _paths(plan: Plan) -> Iterator[str]:
    """What goes into commands on hosts."""
    yield from (path for host in plan.hosts.values() for path in host.host.files)
    yield from (pool.path for pool in plan.pools)
    for guest in plan.guests.values():
        yield from (guest.seed_path, guest.serial_log, *(disk.path for disk in guest.disks))


def report(plan: Plan, before: Plan, said: str) -> dict[str, str]:
    """A preview's report of all documents that differ, with ``said`` as a change and an error."""
    changes = [{"what": said, "old": said, "new": said, "effect": "restart", "why": said}]
    wrong = dict.fromkeys(("where", "what", "got", "allowed", "hint"), said)
    lines = []
    for old, new in zip(before.guests.values(), plan.guests.values(), strict=True):
        values = [_inputs(render.guest_document(guest)) for guest in (old, new)]
        told = {"changes": changes, "refused": [wrong]}
        lines.append(step("Guest", new.name, old=values[0], new=values[1], told=told))
    # Lines of a diagnostic are problems of their own.
    diagnostic = {"severity": "error", "message": f"error: {said}".replace("\n", " ")}
    lines.append(json.dumps({"diagnosticEvent": diagnostic}))
    made = report_files(plan, read_events(lines), {}, Ending(Outcome.OK, 0))
    return {f"report {name}": text for name, text in made.items()}


def _inputs(document: render.GuestDocument) -> dict[str, Any]:
    return {
        "name": document.name,
        "connection": {"name": "h1"},
        "domain_xml": document.domain_xml,
        "seed": {"files": dict(document.seed)},
    }


def read(name: str, text: str, folder: Path) -> Read:
    """Read back one document by the kind that its name ends in."""
    kind = name.rpartition(".")[2]
    if kind == "config":
        return _ssh(text, folder)
    return _READERS[kind](text)


def _xml(text: str) -> Read:
    root = etree.fromstring(text.encode())
    elements = [(str(e.tag), *e.attrib) for e in root.iter()]
    return Read(elements, [v for e in root.iter() for v in (e.text or "", *e.attrib.values())])


def _ini(text: str) -> Read:
    """As systemd.syntax(7) has it: a section, a key and its value, a comment; nothing else."""
    structure: list[Any] = []
    values = []
    for line in filter(None, map(str.strip, _LINES.split(text))):
        key, sign, value = line.partition("=")
        structure.append(line if line.startswith("[") else "#" if line[0] in "#;" else (key, sign))
        values.append(value)
    return Read(structure, values)


def _yaml(text: str) -> Read:
    holes = _HOLE.findall(text)
    paths = list(_leaves(yaml.safe_load(_HOLE.sub("hole", text))))
    return Read([len(holes), *(path for path, _ in paths)], [value for _, value in paths])


def _json(text: str) -> Read:
    paths = list(_leaves(json.loads(text)))
    return Read([path for path, _ in paths], [value for _, value in paths])


def _leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Keys of a site's own names are values, so a key counts by its place."""
    items = enumerate(node.items()) if isinstance(node, Mapping) else None
    if items is not None:
        yield (*path, "{}"), len(node)
        for place, (key, value) in items:
            yield (*path, place), key
            yield from _leaves(value, (*path, place))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _leaves(value, (*path, index))
    else:
        yield (*path, type(node).__name__), node


def _shell(text: str) -> Read:
    """The words of each command: one command a path, two words a command."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words = list(lexer)
    return Read([word if word == "cat" else "word" for word in words], words)


def _ssh(text: str, folder: Path) -> Read:
    """Keywords line by line, and what ssh itself makes of every machine."""
    lines = [line.split() for line in _LINES.split(text) if line.strip()]
    structure: list[Any] = [line[0] for line in lines]
    values = []
    (folder / "ssh_config").write_text(text)
    for name in [line[1] for line in lines if line[0] == "Host"]:
        argv = ["ssh", "-G", "-F", str(folder / "ssh_config"), name]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        seen = [line.partition(" ") for line in done.stdout.splitlines()]
        structure.append([keyword for keyword, _, _ in seen])
        values += [value for _, _, value in seen]
    return Read(structure, values)


def _markdown(text: str) -> Read:
    def shape(tokens: Any) -> Iterator[Any]:
        for token in tokens:
            yield token.type, token.tag
            yield from shape(token.children or ())

    structure = [kind for kind in shape(_MARKDOWN.parse(text)) if kind[0] != "text"]
    # Words that are entities are a text of their own each.
    return Read([kind for kind in structure if kind[0] != "text_special"], [])


def _mermaid(text: str) -> Read:
    return Read([re.sub('"[^"]*"', '""', line) for line in text.splitlines()], [])


def _svg(text: str) -> Read:
    """How many lines a text takes is the layout's; which elements and attributes is not."""
    return Read(sorted(set(_xml(text).structure)), [])


_READERS = {
    "xml": _xml,
    "ini": _ini,
    "yaml": _yaml,
    "json": _json,
    "sh": _shell,
    "md": _markdown,
    "mmd": _mermaid,
    "svg": _svg,
}
