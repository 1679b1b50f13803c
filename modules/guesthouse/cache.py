"""The cache of what is built or fetched once: ``${XDG_CACHE_HOME:-~/.cache}/guesthouse``.

An entry is a folder that appears complete or not at all. Beside its files lies ``record.json``,
their digests, written before the entry moves to its place; whoever runs or boots something of an
entry compares it with its record first (docs/decisions/0025). For scripts:

    python -m guesthouse.cache check ENTRY     exit code 0 when ENTRY is there and as recorded
    python -m guesthouse.cache room            makes a folder to build in, prints it
    python -m guesthouse.cache put MADE ENTRY  records the folder MADE and moves it to ENTRY
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from guesthouse.errors import GuesthouseError, Problem, SetupError
from guesthouse.own_folder import is_own, own

RECORD = "record.json"
# A change of what a record holds: part of the key of entries that are not made again in place.
VERSION = b"1"
_RECORD_BYTES_AT_MOST = 10_000_000
_MAKING = ".making-"
_SHOWN_AT_MOST = 5


class DamagedError(SetupError):
    """An entry is not what was recorded when it was made."""


def place() -> Path:
    """Where the cache is, made or not (XDG Base Directory Specification)."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "guesthouse"


def home() -> Path:
    """The cache's folder, made where it is missing.

    Raises SetupError where it is a link, or others can write into it.
    """
    return own(place(), SetupError)


def check(entry: Path) -> bool:
    """False where nothing is; raises DamagedError where an entry is not as recorded."""
    if not os.path.lexists(entry):
        return False
    found = (
        list(_differences(entry))
        if is_own(entry)
        else ["it is a link, no folder, or somebody else's"]
    )
    if found:
        more = f" and {len(found) - _SHOWN_AT_MOST} more" if len(found) > _SHOWN_AT_MOST else ""
        what = f"is not as it was made: {', '.join(found[:_SHOWN_AT_MOST])}{more}"
        raise DamagedError(Problem(str(entry), what))
    return True


def room(name: str = "") -> Path:
    """A new folder in the cache to make an entry in; the caller removes it.

    What killed processes left there more than a day ago is removed.
    """
    for stale in home().glob(f"{_MAKING}*"):
        with contextlib.suppress(FileNotFoundError):
            if stale.lstat().st_mtime < time.time() - 86_400:
                shutil.rmtree(stale, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_MAKING}{name}", dir=home()))


def put(made: Path, entry: Path) -> None:
    """Records the folder ``made`` (in the cache) and moves it to ``entry``, all at once.

    Where another process put the same entry there meanwhile, that one stays. One that is damaged
    makes room.
    """
    text = json.dumps({"files": _digests(made)}, indent=1, sort_keys=True) + "\n"
    (made / RECORD).write_text(text, encoding="utf-8")
    made.chmod(0o755)
    entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(home() / ".lock"):
        try:
            if check(entry):
                shutil.rmtree(made)
                return
        except DamagedError:
            # Out of the way in one step: who runs something of it keeps it until the end.
            away = room("damaged-")
            entry.rename(away / "entry")
            made.rename(entry)
            shutil.rmtree(away)
            return
        made.rename(entry)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Two processes never make the same entry at once. A link at the lock's place is refused."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _differences(entry: Path) -> Iterator[str]:
    """What is not as recorded, in words that end the sentence of `check`."""
    try:
        with (entry / RECORD).open("rb") as file:
            recorded = json.loads(file.read(_RECORD_BYTES_AT_MOST))["files"]
        present = _digests(entry)
    except FileNotFoundError:
        yield f"{RECORD} is missing"
        return
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        yield f"it can't be read ({type(error).__name__})"
        return
    if not isinstance(recorded, dict):
        yield f"{RECORD} holds no digests"
        return
    for name in sorted(recorded.keys() | present.keys()):
        if name not in present:
            yield f"{name} is missing"
        elif name not in recorded:
            yield f"{name} is not of it"
        elif present[name] != recorded[name]:
            yield f"{name} differs"


def _digests(folder: Path) -> dict[str, str]:
    """Path below the folder -> ``sha256:HEX`` (and ``+x`` if it can be run), or ``link:TARGET``."""
    found = {}
    for path, folders, files in os.walk(folder, onerror=_raise):
        for name in [*folders, *files]:
            full = Path(path) / name
            below = str(full.relative_to(folder))
            if full.is_symlink():
                found[below] = f"link:{full.readlink()}"
            elif full.is_file() and below != RECORD:
                run = "+x" if full.stat().st_mode & 0o100 else ""
                found[below] = f"sha256:{digest(full)}{run}"
            elif not full.is_dir() and below != RECORD:
                found[below] = "special"
    return found


def _raise(error: OSError) -> None:
    raise error


def digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(argv: Sequence[str]) -> int:
    """The scripts' door; see above."""
    try:
        if argv[:1] == ["check"] and len(argv) == 2:
            return 0 if check(Path(argv[1])) else 1
        if argv == ["room"]:
            print(room())
            return 0
        if argv[:1] == ["put"] and len(argv) == 3:
            put(Path(argv[1]), Path(argv[2]))
            return 0
    except DamagedError as error:
        print(f"cache: {error}\ncache: it is made again", file=sys.stderr)
        return 1
    except GuesthouseError as error:
        print(f"cache: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"cache: {error}", file=sys.stderr)
        return SetupError.exit_code
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
