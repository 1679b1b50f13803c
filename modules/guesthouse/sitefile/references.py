"""What a site file says by file name: public keys, images, identity files.

A name is relative to the file that contains it. Paths become absolute, and an ssh key that is
given as ``{file: PATH}`` gets its text from that file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from guesthouse.model.values import url_scheme
from guesthouse.sitefile.nodes import TEXT, MappingNode, Node, ScalarNode, SequenceNode
from guesthouse.sitefile.values import Report

_KEY_FORMS = ("ssh-", "ecdsa-", "sk-")
# Takes the place of a key that could not be read, so that nothing else is said about it.
_UNREADABLE_KEY = "ssh-ed25519 AAAA"
_LARGEST_KEY_FILE = 64 * 1024


def resolve(root: Node, report: Report) -> None:
    """Write absolute paths and the text of key files into the tree below ``root``."""
    for kind, field in (("images", "source"), ("hosts", "identity_file")):
        for _, entry in _entries(_child(root, kind)):
            node = _child(entry, field)
            if isinstance(node, ScalarNode) and node.tag == TEXT and node.value:
                node.value = _absolute(node)
    keys: dict[str, tuple[str, str]] = {}
    for guest, entry in _entries(_child(root, "guests")):
        for user, account in _entries(_child(_child(entry, "cloud_init"), "users")):
            items = _child(account, "ssh_keys")
            if isinstance(items, SequenceNode):
                path = ("guests", guest, "cloud_init", "users", user, "ssh_keys")
                for index, item in enumerate(items.value):
                    _read_key(item, (*path, str(index), "file"), keys, report)


def _entries(node: Node | None) -> Iterator[tuple[str, Node]]:
    for key, value in node.value if isinstance(node, MappingNode) else ():
        if isinstance(key, ScalarNode):
            yield key.value, value


def _child(node: Node | None, name: str) -> Node | None:
    return next((value for key, value in _entries(node) if key == name), None)


def _absolute(node: ScalarNode) -> str:
    if url_scheme(node.value):  # as it is, so that a rule can refuse it
        return str(node.value)
    folder = Path(node.start_mark.name).parent
    try:
        return str(folder / Path(node.value).expanduser())
    except RuntimeError:  # "~name" of a user that does not exist
        return str(folder / node.value)


def _read_key(
    item: Node, path: tuple[str, ...], keys: dict[str, tuple[str, str]], report: Report
) -> None:
    node = _child(item, "file")
    if not (isinstance(node, ScalarNode) and node.tag == TEXT and node.value):
        return
    node.value = _absolute(node)
    if _child(item, "key") is not None:
        return
    if node.value not in keys:
        keys[node.value] = _key_text(Path(node.value))
    text, trouble = keys[node.value]
    if trouble:
        made = ".guesthouse" in Path(node.value).parts
        hint = "'make up' makes it" if made else "name a public key file, as ~/.ssh/id_ed25519.pub"
        key = next(key for key, value in item.value if value is node)
        report(key, path, trouble, repr(node.value), hint)
    mark, end = node.start_mark, node.end_mark
    pair = (ScalarNode(TEXT, "key", mark, end), ScalarNode(TEXT, text, mark, end))
    item.value.append(pair)


def _key_text(path: Path) -> tuple[str, str]:
    """The public key in a file, and what is wrong with it (a file's content is never shown)."""
    try:
        if not path.exists():
            return _UNREADABLE_KEY, "the ssh key file does not exist"
        if not path.is_file() or path.stat().st_size > _LARGEST_KEY_FILE:
            return _UNREADABLE_KEY, "not an ssh public key file"
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        return _UNREADABLE_KEY, f"the ssh key file cannot be read ({reason})"
    key = next((line.strip() for line in lines if line.strip() and line[0] != "#"), "")
    if not key.startswith(_KEY_FORMS):
        return _UNREADABLE_KEY, "not an ssh public key file"
    return key, ""
