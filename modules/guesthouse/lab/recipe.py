"""Image recipes: folders of plain files -> one mmdebstrap command.

A recipe holds ``packages`` (one a line), ``overlay/`` (files of the new root, there before its
packages), ``customize.sh`` (runs inside, with the recipe at /recipe), and perhaps ``variant``
(mmdebstrap's, default minbase) and ``unpack.sh`` (runs outside, with the root as $1).
Follows mmdebstrap(1).
"""

from __future__ import annotations

import hashlib
import io
import shlex
import tarfile
from dataclasses import dataclass
from pathlib import Path

SUITE = "trixie"
FOLDER = Path(__file__).with_name("recipes")

# Pages and translations that nobody reads in a lab; licences stay.
DPKG_OPTIONS = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "force-unsafe-io",
    "force-confold",
)


@dataclass(frozen=True)
class Recipe:
    """One recipe as text and bytes: everything that decides what comes out."""

    name: str
    packages: tuple[str, ...]
    variant: str
    files: tuple[tuple[str, bytes], ...]

    def part(self, prefix: str) -> dict[str, bytes]:
        """The files below ``prefix/``, by their path under it."""
        start = f"{prefix}/"
        return {path[len(start) :]: data for path, data in self.files if path.startswith(start)}

    def key(self, *also: bytes) -> str:
        """Content key, 16 hex digits: recipe, suite, and the code (``also``) that builds it."""
        digest = hashlib.sha256(repr((SUITE, self.name, self.files, also)).encode())
        return digest.hexdigest()[:16]


def lines(text: str) -> tuple[str, ...]:
    """Non-empty lines without comments."""
    stripped = (line.split("#")[0].strip() for line in text.splitlines())
    return tuple(line for line in stripped if line)


def load(name: str, folder: Path = FOLDER) -> Recipe:
    """Reads the recipe ``name``; compiled Python beside an overlay's source is not part of it."""
    root = folder / name
    paths = sorted(p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    files = tuple((str(path.relative_to(root)), path.read_bytes()) for path in paths)
    table = dict(files)
    return Recipe(
        name=name,
        packages=lines(table["packages"].decode()),
        variant=table.get("variant", b"minbase").decode().strip(),
        files=files,
    )


def archive(files: dict[str, bytes]) -> bytes:
    """A tar owned by root, the same bytes every time; scripts (``#!``) may be executed."""
    buffer = io.BytesIO()
    folders = sorted({str(parent) for path in files for parent in Path(path).parents} - {"."})
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in folders:
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        for path, data in sorted(files.items()):
            info = tarfile.TarInfo(path)
            info.size = len(data)
            info.mode = 0o755 if data.startswith(b"#!") else 0o644
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def mmdebstrap(recipe: Recipe, work: Path) -> list[str]:
    """The command that turns the recipe into ``work/root.tar``; writes its inputs to ``work``.

    ``--mode=auto`` is root for root and user namespaces or fakechroot for everybody else. No
    mirror is named: mmdebstrap's own default serves.
    """
    (work / "overlay.tar").write_bytes(archive(recipe.part("overlay")))
    tools = {f"recipe/{p}": d for p, d in recipe.files if not p.startswith("overlay/")}
    (work / "recipe.tar").write_bytes(archive(tools))
    hooks = [
        f"--essential-hook=tar-in {shlex.quote(str(work / 'overlay.tar'))} /",
        f"--customize-hook=tar-in {shlex.quote(str(work / 'recipe.tar'))} /",
    ]
    if any(path == "unpack.sh" for path, _ in recipe.files):
        hooks.append('--customize-hook=/bin/sh -eu "$1/recipe/unpack.sh" "$1"')
    hooks += [
        '--customize-hook=chroot "$1" /bin/sh -eu /recipe/customize.sh',
        '--customize-hook=rm -r "$1/recipe"',
    ]
    return [
        "mmdebstrap",
        "--mode=auto",
        f"--variant={recipe.variant}",
        f"--include={','.join(recipe.packages)}",
        *(f"--dpkgopt={option}" for option in DPKG_OPTIONS),
        *hooks,
        SUITE,
        str(work / "root.tar"),
    ]
