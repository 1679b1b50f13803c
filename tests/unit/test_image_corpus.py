"""A corpus of images: each hostile one is refused before QEMU sees it, each control passes.

oslo.utils' format_inspector (OpenStack's) is asked too: the controls are what it takes as well.
"""

from __future__ import annotations

import contextlib
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from oslo_utils.imageutils import format_inspector

from guesthouse.errors import RefusedError
from guesthouse.provider.image_format import check_image
from guesthouse.provider.qcow2_header import MAX_L1_BYTES
from hostile_images import HOSTILE
from images import CLUSTER, CONTROLS, U32, patched

HINT = "\n  hint: only self-contained images are used: `qemu-img convert` makes one"


def oslo_refuses(path: Path, declared: str) -> bool:
    with contextlib.suppress(format_inspector.ImageFormatError):
        found: Any = format_inspector.detect_file_format(str(path))
        if (
            found is not None
            and str(found) in ({"raw", "gpt", "iso"}, {"qcow2"})[declared == "qcow2"]
        ):
            with contextlib.suppress(format_inspector.SafetyCheckFailed):
                found.safety_check()
                return False
    return True


def peak_bytes(path: Path, declared: str) -> int:
    tracemalloc.start()
    check_image(path, declared)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_the_corpus_is_large_enough() -> None:
    assert len(HOSTILE) >= 45


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_image_is_refused(name: str, tmp_path: Path) -> None:
    declared, make, message = HOSTILE[name]
    path = tmp_path / "image"
    make(path)
    with pytest.raises(RefusedError) as caught:
        check_image(path, declared)
    assert str(caught.value) == f"image image: {message}{HINT}"


@pytest.mark.parametrize("name", CONTROLS)
def test_a_harmless_image_passes(name: str, tmp_path: Path) -> None:
    declared, make = CONTROLS[name]
    path = tmp_path / "image"
    make(path)
    check_image(path, declared)
    # oslo.utils does not know that feature yet.
    assert oslo_refuses(path, declared) == (name == "extended L2")


def test_the_longest_tables_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "image"
    patched((U32, 36, MAX_L1_BYTES // 8))(path)
    with path.open("r+b") as file:
        file.seek(3 * CLUSTER)
        offsets = range(2**30, 2**30 + (MAX_L1_BYTES // 8) * CLUSTER, CLUSTER)
        file.write(struct.pack(f">{len(offsets)}Q", *offsets))
        file.truncate(2**40)
    assert peak_bytes(path, "qcow2") < 100 * 2**20
