"""The file backend's state of one stack, and verified copies of it outside the engine's files.

A disk that runs full, or a machine that stops, can leave the engine's file cut off. So room is
looked for before a run, and whatever state is whole before and after a run is copied.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from guesthouse.cli.checkpoint import Broken, Checkpoint, read
from guesthouse.cli.project import Project
from guesthouse.errors import Problem, RefusedError, SetupError

# As the engine names its files, by how they are packed.
PACKED = ("", ".gz", ".zst")
READABLE = PACKED[:2]
GENERATIONS = 5
# The engine writes the state, the one before, a backup and the history of one run.
LEAST_FREE_BYTES = 16 * 1024**2
STATES_PER_RUN = 8


class StateFiles:
    """The files of one stack's state in the file backend of a project folder."""

    def __init__(self, project: Project, stack: str) -> None:
        self.project, self.stack = project, stack
        self.name = f"organization/{project.name}/{stack}"
        self._base = project.state / ".pulumi"
        self._folder = self._base / "stacks" / project.name
        self.copies = project.home / "state-copies" / project.name / stack

    @property
    def file(self) -> Path:
        """The file that the engine reads: of those that are there, the last that was written."""
        found = [path for path in self._variants() if _is_there(path)]
        return max(reversed(found), key=_written_at, default=self._variants()[0])

    def current(self) -> Checkpoint | None:
        """The engine's state, None when there is none; raises SetupError when it is broken.

        A missing one is broken when the last copy tells of resources. Raises RefusedError for one
        that is packed with zstd.
        """
        file = self.file
        if file.suffix == ".zst":
            hint = (
                "unset PULUMI_DIY_BACKEND_ZSTD, then: . ./env.sh && "
                f"pulumi stack export -s {self.stack} | pulumi stack import -s {self.stack}"
            )
            what = "is packed with zstd, which is not read here"
            raise RefusedError(Problem(self.project.shown(file), what, hint=hint))
        if not _is_there(file):
            last = next(self._sound(self._copies()), None)
            if last is None or not last.resources:
                return None
        try:
            return read(file, self.name)
        except Broken as broken:
            raise SetupError(self.problem(broken)) from None

    def problem(self, broken: Broken) -> Problem:
        """What the user is told of a broken state."""
        hint = f"run: guesthouse state recover {self.stack} (it says what it will do, and asks)"
        where = self.project.shown(self.file)
        return Problem(where, f"the state of stack '{self.stack}' {broken}", hint=hint)

    def require_room(self) -> None:
        """Raises SetupError when the disk has too little free space for one run."""
        file = self.file
        size = file.stat().st_size if file.is_file() else 0
        needed = LEAST_FREE_BYTES + STATES_PER_RUN * size
        free = shutil.disk_usage(self.project.state).free
        if free >= needed:
            return
        where = self.project.shown(self.project.state)
        raise SetupError(
            Problem(
                where,
                "too little free space for a run, which could leave the state cut off",
                got=f"{free // 1024} KiB",
                allowed=f"at least {-(-needed // 1024)} KiB",
                hint=f"make room on that disk; {where}/.pulumi/history is only for reading",
            )
        )

    def keep(self) -> None:
        """Copy the engine's state, if it is whole and new; raises SetupError or OSError."""
        state = self.current()
        copies = self._copies()
        if state is None or (copies and _holds(copies[0], state.data)):
            return
        self.copies.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(self.copies / f"{time.time_ns():020}.json", state, self.name)
        for old in self._copies()[GENERATIONS:]:
            old.unlink(missing_ok=True)

    def best(self) -> Checkpoint | None:
        """The latest whole state that is left anywhere, by the engine's own clock."""
        history = self._base / "history" / self.project.name / self.stack
        backups = self._base / "backups" / self.project.name / self.stack
        paths = [
            *self._copies(),
            *(path.with_name(f"{path.name}.bak") for path in self._variants()),
            *_latest_first(history, "*.checkpoint.json"),
            *_latest_first(backups, "*.json"),
        ]
        return max(self._sound(paths), key=lambda found: found.time, default=None)

    def aside(self) -> Path:
        """Where a broken state is kept."""
        packed = self.file.name.removeprefix(f"{self.stack}.json")
        return self.copies / f"broken-{time.time_ns():020}.json{packed}"

    def restore(self, state: Checkpoint, aside: Path) -> None:
        """Put ``state`` in place, not packed; what is there is kept as ``aside`` and beside it.

        The copies may be on another disk. Raises OSError, Broken.
        """
        self.copies.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stem = aside.name.partition(".json")[0]
        temporary = _written(self._folder, state, self.name)
        try:
            for path, packed in zip(self._variants(), PACKED, strict=True):
                # The engine's checksum beside the old file is not that of the new one.
                for end in ("", ".attrs"):
                    old = path.with_name(f"{path.name}{end}")
                    if _is_there(old):
                        shutil.move(old, aside.with_name(f"{stem}.json{packed}{end}"))
            temporary.replace(self._variants()[0])
        finally:
            temporary.unlink(missing_ok=True)
        _sync(self._folder)

    def _variants(self) -> list[Path]:
        """The names that the engine's file can have."""
        return [self._folder / f"{self.stack}.json{packed}" for packed in PACKED]

    def _copies(self) -> list[Path]:
        """Our copies, the latest first."""
        return sorted(self.copies.glob("[0-9]*.json"), reverse=True)

    def _sound(self, paths: list[Path]) -> Iterator[Checkpoint]:
        for path in paths:
            with suppress(Broken):
                yield read(path, self.name)


def stacks(project: Project) -> list[str]:
    """The stacks that have a state or a copy of one, sorted."""
    folder = project.state / ".pulumi" / "stacks" / project.name
    ends = [f".json{packed}" for packed in PACKED]
    files = {path.name.removesuffix(end) for end in ends for path in folder.glob(f"*{end}")}
    copies = (project.home / "state-copies" / project.name).glob("*/")
    return sorted(files | {path.name for path in copies})


def write(path: Path, state: Checkpoint, name: str) -> None:
    """Writes atomically and durably, and only what reads back whole; raises OSError, Broken."""
    temporary = _written(path.parent, state, name)
    try:
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync(path.parent)


def _written(folder: Path, state: Checkpoint, name: str) -> Path:
    """A new file with the state, on the disk and read back; nothing is left of a failure."""
    handle, text = tempfile.mkstemp(dir=folder, prefix=".new-")
    temporary = Path(text)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(state.data)
            file.flush()
            os.fsync(file.fileno())
        read(temporary, name)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _is_there(path: Path) -> bool:
    """A symbolic link to nowhere is there too."""
    return path.exists() or path.is_symlink()


def _written_at(path: Path) -> int:
    """Nanoseconds; 0 when it just went."""
    try:
        return path.lstat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _latest_first(folder: Path, pattern: str) -> list[Path]:
    found = [path for packed in READABLE for path in folder.glob(f"{pattern}{packed}")]
    return sorted(found, reverse=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False
