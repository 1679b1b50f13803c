"""A guest's disk as an overlay, against a full copy of its image; both on the disk for good."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.rows import Row, in_turn, wall_s
from guesthouse.lab import images

IMAGE = "small"


def _cached_image() -> Path | None:
    found = images.cached(IMAGE)
    return found.disk if found else None


def _keep(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _overlay(image: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(image)]
    subprocess.run([*command, str(target)], check=True)
    _keep(target)


def _copy(image: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", str(image), str(target)], check=True)
    _keep(target)


def rows(quick: bool) -> list[Row]:
    """Time and bytes; the image is the lab's."""
    names = ("overlay of a guest's disk, time", "overlay of a guest's disk, bytes")
    against = f"full copy of image {IMAGE}"
    image = _cached_image()
    if image is None or not shutil.which("qemu-img"):
        missing = "no image in the cache: guesthouse lab up"
        return [
            Row(names[0], against, 20, True, missing=missing),
            Row(names[1], against, 0.01, missing=missing),
        ]
    with TemporaryDirectory(prefix="gh-bench-", dir=image.parent.parent) as folder:
        overlay, copy = Path(folder) / "overlay.qcow2", Path(folder) / "copy.qcow2"
        ours, peer = in_turn(
            3,
            lambda: wall_s(lambda: _overlay(image, overlay)),
            lambda: wall_s(lambda: _copy(image, copy)),
        )
        small, whole = (path.stat().st_blocks * 512 / 2**20 for path in (overlay, copy))
    return [
        Row(names[0], against, 20, True, ours, peer),
        Row(names[1], against, 0.01, False, small, whole, "MiB"),
    ]
