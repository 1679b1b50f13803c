"""Images are looked at before QEMU is: each lie and each reach for another file is refused."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from guesthouse.errors import RefusedError
from guesthouse.provider.image_format import check_image

HINT = "\n  hint: only self-contained images are used: `qemu-img convert` makes one"


def qemu_img(*argv: str) -> None:
    subprocess.run(["qemu-img", *argv], check=True, capture_output=True)


def refusal(path: Path, declared: str) -> str:
    with pytest.raises(RefusedError) as caught:
        check_image(path, declared)
    return str(caught.value)


def test_plain_images_pass(tmp_path: Path) -> None:
    qemu_img("create", "-f", "qcow2", f"{tmp_path}/a.qcow2", "10M")
    qemu_img("create", "-f", "qcow2", "-o", "compat=0.10", f"{tmp_path}/b.qcow2", "10M")
    qemu_img("create", "-f", "raw", f"{tmp_path}/c.raw", "1M")
    check_image(tmp_path / "a.qcow2", "qcow2")
    check_image(tmp_path / "b.qcow2", "qcow2")
    check_image(tmp_path / "c.raw", "raw")


def test_a_backing_file_is_refused(tmp_path: Path) -> None:
    qemu_img("create", "-f", "qcow2", f"{tmp_path}/base.qcow2", "10M")
    path = tmp_path / "image.qcow2"
    qemu_img("create", "-f", "qcow2", "-b", f"{tmp_path}/base.qcow2", "-F", "qcow2", str(path))
    assert refusal(path, "qcow2") == f"image image.qcow2: has a backing file{HINT}"


def test_an_external_data_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.qcow2"
    qemu_img("create", "-f", "qcow2", "-o", f"data_file={tmp_path}/data.raw", str(path), "1M")
    assert refusal(path, "qcow2") == f"image image.qcow2: keeps its data in another file{HINT}"


@pytest.mark.parametrize(
    ("format", "declared", "message"),
    [
        ("qcow2", "raw", "is declared raw, but is qcow2"),
        ("vmdk", "raw", "is declared raw, but is vmdk"),
        ("raw", "qcow2", "is declared qcow2, but has no qcow2 header"),
    ],
)
def test_a_lie_about_the_format_is_refused(
    tmp_path: Path, format: str, declared: str, message: str
) -> None:
    path = tmp_path / "image"
    qemu_img("create", "-f", format, str(path), "1M")
    assert refusal(path, declared) == f"image image: {message}{HINT}"


def test_unknown_features_and_versions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "image"
    qemu_img("create", "-f", "qcow2", str(path), "1M")
    data = bytearray(path.read_bytes())
    struct.pack_into(">Q", data, 72, 1 << 40)
    path.write_bytes(data)
    text = "has unknown incompatible features 0x10000000000"
    assert refusal(path, "qcow2") == f"image image: {text}{HINT}"
    struct.pack_into(">I", data, 4, 9)
    path.write_bytes(data)
    assert refusal(path, "qcow2") == f"image image: has qcow2 version 9, which is unknown{HINT}"


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(b"QFI\xfb")
    text = "is declared qcow2, but has no qcow2 header"
    assert refusal(path, "qcow2") == f"image image: {text}{HINT}"
