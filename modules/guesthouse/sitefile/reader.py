"""The door: a site file and its local part as a SiteFile."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from guesthouse import files
from guesthouse.errors import Problem, SiteError
from guesthouse.model import Site, rules
from guesthouse.model.problems import ruled
from guesthouse.model.salvage import salvage
from guesthouse.sitefile import cloud_config, nodes, references, values
from guesthouse.sitefile.overlay import merge
from guesthouse.sitefile.places import Place, Places, shown
from guesthouse.sitefile.values import Report

# The name that stands for standard input; what it names by file is relative to the current folder.
STDIN = Path("-")
Check = Callable[[Site], Iterable[Problem]]
# A site of 5,000 guests has about 5 MB.
MAX_BYTES = 32 * files.MIB
_INSTEAD = {
    "is a folder": "name a site file",
    "is a FIFO": "name a site file; - stands for standard input",
}


@dataclass(frozen=True)
class SiteFile:
    """A site file that was read: its Site as far as it could be saved, and what is wrong.

    ``problems`` are located. While there is one, ``site`` is only good for more checks: it lacks
    what could not be read, and holds stand-ins. It is None when nothing could be read.
    """

    path: Path
    site: Site | None
    problems: tuple[Problem, ...]
    places: Places

    def checked(self, *more: Check) -> Site:
        """The site, when it and ``more`` find nothing wrong; raises SiteError with everything."""
        found = list(self.problems)
        if self.site is not None:
            found += _located(
                self.places, (problem for check in more for problem in check(self.site))
            )
        if found or self.site is None:
            raise SiteError(*_sorted(self.places, found))
        return self.site

    def locate(self, problem: Problem) -> Problem:
        """``problem`` with ``where`` as ``file:line:column yaml.path``."""
        return self.places.locate(problem)


def read(path: Path, local: Path | None = None) -> SiteFile:
    """Read a site file, and lay its local part over it by name. Never raises.

    The local part holds what exists on this machine only (ports, keys, built images); without
    ``local`` it is ``.guesthouse/local/<name>`` beside the site file's folder, if there is one.
    """
    with _no_collection():
        return _read(path.absolute(), local.absolute() if local else None)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without garbage collection: what is read is one big tree, and all of it is in use."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(path: Path, local: Path | None) -> SiteFile:
    if local is None:
        default = path.parent.parent / ".guesthouse" / "local" / path.name
        # Whatever lies there is read: a link to nothing is told.
        local = default if os.path.lexists(default) else None
    problems: list[Problem] = []
    root = _compose(path, problems)
    if root is None and not problems:
        problems.append(
            Problem(shown(path), "the file is empty", hint="begin with 'site: NAME'", rule="file")
        )
    over = _compose(local, problems) if local else None
    if problems or root is None:
        return SiteFile(path, None, tuple(problems), Places(None, ()))
    files = (str(path), str(local)) if local else (str(path),)
    return _site_file(path, merge(root, over) if over else root, files)


def _site_file(path: Path, root: nodes.Node, files: tuple[str, ...]) -> SiteFile:
    """Values, shapes, rules: everything that is said about a tree of nodes."""
    places = Places(root, files)
    problems: list[Problem] = []
    references.resolve(root, _reporter(places, problems, "ssh-key-file"))
    cloud_config.typed(root)
    plain = values.plain(root, _reporter(places, problems, "yaml"))
    saved = salvage(plain)
    bad = {problem.path for problem in saved.problems}
    places = replace(places, silent=saved.stand_ins.union(bad))
    problems += (places.locate(problem) for problem in saved.problems)
    if saved.site is not None:
        problems += _located(places, rules.problems(saved.site, saved.known))
        problems += _located(places, ruled("cloud-config", cloud_config.problems(saved.site)))
    return SiteFile(path, saved.site, tuple(_sorted(places, problems)), places)


def _located(places: Places, problems: Iterable[Problem]) -> Iterable[Problem]:
    """Problems that do not follow from one of shape at the same place."""
    return (places.locate(problem) for problem in problems if not places.is_silent(problem.path))


def _sorted(places: Places, problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=places.order)


def _reporter(places: Places, problems: list[Problem], rule: str) -> Report:
    def report(node: nodes.Node, path: tuple[str, ...], what: str, got: str, hint: str) -> None:
        place = Place.of(node)
        where = places.where(place, path)
        problems.append(Problem(where, what, got, "", hint, path, rule, place))

    return report


def _compose(path: Path, problems: list[Problem]) -> nodes.Node | None:
    """The tree of one file; what stands in the way goes into ``problems``."""

    def wrong(place: Place, what: str, rule: str, got: str = "", hint: str = "") -> None:
        where = place.with_path(())
        problems.append(Problem(where, what, got, "", hint, (), rule, place))

    data = _bytes(path, problems)
    if data is None:
        return None
    try:
        root = nodes.compose(data.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1
        place = Place(str(path), line, column)
        wrong(place, "the file is not UTF-8 text", "file", hex(data[error.start]))
        return None
    except nodes.Fault as fault:
        wrong(Place(str(path), fault.line, fault.column), fault.what, "yaml", hint=fault.hint)
        return None
    if root is not None and not isinstance(root, nodes.MappingNode):
        if root.tag == nodes.NOTHING:
            return None
        wrong(Place.of(root), "not a mapping", "type", hint="begin with 'site: NAME'")
    return root


def _bytes(path: Path, problems: list[Problem]) -> bytes | None:
    where = shown(path)
    try:
        if path == STDIN.absolute():
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
            if len(data) > MAX_BYTES:
                raise files.Unreadable(f"is larger than {MAX_BYTES // files.MIB} MiB")
            return data
        return files.read_bytes(path, MAX_BYTES)
    except FileNotFoundError:
        problems.append(Problem(where, "cannot be read: no such file or directory", rule="file"))
    except files.Unreadable as error:
        what = str(error)
        hint = _INSTEAD.get(what, "")
        problems.append(Problem(where, what, hint=hint, rule="file"))
    return None
