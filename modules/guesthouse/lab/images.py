"""Built images, cached by content: recipe name -> folder with disks, their digests, a kernel.

The cache is ``${XDG_CACHE_HOME:-~/.cache}/guesthouse/images/<name>-<key>/``, shared by all
checkouts of a user; a folder appears there complete or not at all.
"""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from guesthouse import cache
from guesthouse.errors import LabError
from guesthouse.lab import disks
from guesthouse.lab.recipe import SUITE, Recipe, load, mmdebstrap
from guesthouse.lab.tools import follow, run

Say = Callable[[str], None]

HOST = "host"
NEW_LAB = "`guesthouse lab down`, then `guesthouse lab up`"
# The same guest for an emulated host: only its kernel's arguments are others.
EMULATED = "-emulated"
RECIPES = ("debian13", "small")
GUESTS = (*RECIPES, *(f"{name}{EMULATED}" for name in RECIPES))
HOST_DISK_GIB = 20
# What mmdebstrap says while it works, in words for people.
STAGES = {
    "downloading packages": "downloading packages",
    "installing remaining packages": "installing packages",
    "creating tarball": "packing",
}


@dataclass(frozen=True)
class Image:
    """A built image. ``vmlinuz`` and ``initrd`` are for QEMU's direct boot of a host."""

    name: str
    folder: Path
    sha256: str

    @property
    def disk(self) -> Path:
        return self.folder / f"{self.name}.qcow2"

    @property
    def vmlinuz(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"


def cache_folder() -> Path:
    """Where built images live (XDG Base Directory Specification)."""
    return cache.place() / "images"


def build_key(recipe: Recipe) -> str:
    """The recipe's key; a change of the code that makes disks makes new images too."""
    here = Path(__file__)
    code = [here.with_name(name).read_bytes() for name in ("disks.py", "images.py", "recipe.py")]
    return recipe.key(*code, cache.VERSION)


def cached(name: str) -> Image | None:
    """The image of that name as it stands today, if it was built before."""
    return read(name, place(load(recipe_of(name))))


def recipe_of(name: str) -> str:
    """The recipe that the image of that name is made by."""
    return name.removesuffix(EMULATED)


def place(recipe: Recipe) -> Path:
    """The folder of the recipe's images."""
    return cache_folder() / f"{recipe.name}-{build_key(recipe)}"


def read(name: str, folder: Path) -> Image | None:
    """The image in that folder; None when nothing was built there."""
    if not (folder / "image.json").exists():
        return None
    facts = json.loads((folder / "image.json").read_text())
    return Image(name=name, folder=folder, sha256=facts["sha256"][name])


def image(name: str, say: Say) -> Image:
    """The image of that name, built now if it is not cached (one to three minutes).

    One that is not as it was built is a LabError, and stays: disks of labs may lie on it.
    """
    recipe = load(recipe_of(name))
    folder = place(recipe)
    cache.home()
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    with cache.locked(folder.parent / f".{recipe.name}.lock"):
        if not (check(folder) and read(name, folder)):
            build(recipe, folder, say)
    found = read(name, folder)
    assert found is not None
    return found


def check(folder: Path) -> bool:
    """Whether an image, or an emulator, is there; LabError where it is not as it was built."""
    try:
        return cache.check(folder)
    except cache.DamagedError as error:
        hint = f"rm -r {shlex.quote(str(folder))}, {NEW_LAB}: it is built again"
        raise LabError(*(replace(problem, hint=hint) for problem in error.problems)) from error


def build(recipe: Recipe, folder: Path, say: Say) -> None:
    """Builds in a scratch folder beside the target, then renames it into place."""
    start = time.monotonic()
    say(f"image {recipe.name}: building from Debian {SUITE} packages")
    for stale in folder.parent.glob(f".{recipe.name}-*"):
        shutil.rmtree(stale, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        made = work / "made"
        made.mkdir()
        bootstrap(recipe, work, say)
        make_disk(recipe, work, made, folder.name.rpartition("-")[2])
        sha256 = {disk.stem: cache.digest(disk) for disk in made.glob("*.qcow2")}
        size_mib = round((made / f"{recipe.name}.qcow2").stat().st_size / disks.MIB)
        facts = {"suite": SUITE, "sha256": sha256, "size_mib": size_mib}
        (made / "image.json").write_text(json.dumps(facts, indent=1) + "\n")
        cache.put(made, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    say(f"image {recipe.name}: done in {time.monotonic() - start:.0f} s, {size_mib} MiB")


def bootstrap(recipe: Recipe, work: Path, say: Say) -> None:
    """Runs mmdebstrap, passing its stages on."""
    log = cache_folder() / f"{recipe.name}.build.log"
    # Translations and the user's debconf answers have no place in an image.
    lines = follow(
        mmdebstrap(recipe, work), log, LC_ALL="C.UTF-8", DEBIAN_FRONTEND="noninteractive"
    )
    for line in lines:
        for sign, words in STAGES.items():
            if line.startswith(f"I: {sign}"):
                say(f"image {recipe.name}: {words}")


def make_disk(recipe: Recipe, work: Path, made: Path, key: str) -> None:
    """The host is one file system with its kernel beside it, a guest is a whole disk, made twice.

    A disk's label is the beginning or the end of its key: all images have different PARTUUIDs.
    """
    tar = work / "root.tar"
    if recipe.name == HOST:
        disks.bare(tar, work, HOST_DISK_GIB, made / f"{HOST}.qcow2")
        # For container hosts, which need no kernel.
        run("zstd", "-q", "-3", "-T0", tar, "-o", made / "root.tar.zst")
        for name in ("vmlinuz", "initrd"):
            (work / name).rename(made / name)
    else:
        ordinary, emulated = (made / f"{recipe.name}{end}.qcow2" for end in ("", EMULATED))
        nested = (key[-8:], disks.NESTED)
        disks.bootable(tar, work, {ordinary: (key[:8], ""), emulated: nested})
