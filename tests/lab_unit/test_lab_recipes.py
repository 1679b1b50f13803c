"""Recipes: what decides an image's content decides its key; archives are the same every time."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from guesthouse.lab import images
from guesthouse.lab.recipe import archive, load, mmdebstrap


def write(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / "r" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "r" / path).write_text(text)


BASE = {
    "packages": "# why\nlinux\n\nssh  # door\n",
    "customize.sh": "true\n",
    "overlay/etc/a": "1",
    "overlay/usr/bin/tool": "#!/bin/sh\n",
}


def test_packages_are_lines_without_comments(tmp_path: Path) -> None:
    write(tmp_path, BASE)
    recipe = load("r", tmp_path)
    assert recipe.packages == ("linux", "ssh")
    assert recipe.variant == "minbase"
    assert recipe.part("overlay") == {"etc/a": b"1", "usr/bin/tool": b"#!/bin/sh\n"}


@pytest.mark.parametrize(
    ("path", "text"),
    [("packages", "linux\n"), ("overlay/etc/a", "2"), ("overlay/etc/b", ""), ("variant", "apt\n")],
)
def test_every_change_of_content_is_another_image(tmp_path: Path, path: str, text: str) -> None:
    write(tmp_path, BASE)
    before = load("r", tmp_path).key(b"code")
    assert before == load("r", tmp_path).key(b"code")
    write(tmp_path, {path: text})
    assert before != load("r", tmp_path).key(b"code")


def test_a_change_of_the_building_code_is_another_image(tmp_path: Path) -> None:
    write(tmp_path, BASE)
    recipe = load("r", tmp_path)
    assert recipe.key(b"code") != recipe.key(b"other code")


def test_compiled_python_is_not_part_of_a_recipe(tmp_path: Path) -> None:
    write(tmp_path, BASE)
    before = load("r", tmp_path)
    write(tmp_path, {"overlay/usr/lib/__pycache__/x.pyc": "bytes"})
    assert load("r", tmp_path) == before


def test_an_archive_belongs_to_root_and_scripts_may_run() -> None:
    data = archive({"usr/bin/tool": b"#!/bin/sh\n", "etc/a": b"1"})
    assert data == archive({"etc/a": b"1", "usr/bin/tool": b"#!/bin/sh\n"})
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        seen = {m.name: (m.isdir(), m.mode, m.uid, m.gid) for m in tar.getmembers()}
    assert seen == {
        "etc": (True, 0o755, 0, 0),
        "etc/a": (False, 0o644, 0, 0),
        "usr": (True, 0o755, 0, 0),
        "usr/bin": (True, 0o755, 0, 0),
        "usr/bin/tool": (False, 0o755, 0, 0),
    }


def test_the_command_names_no_mirror_and_needs_no_root(tmp_path: Path) -> None:
    write(tmp_path, BASE | {"unpack.sh": "true\n"})
    command = mmdebstrap(load("r", tmp_path), tmp_path)
    assert command[:4] == ["mmdebstrap", "--mode=auto", "--variant=minbase", "--include=linux,ssh"]
    assert command[-2:] == ["trixie", str(tmp_path / "root.tar")]
    assert not any("://" in word for word in command)
    hooks = [word.split("=")[0] for word in command if "hook" in word.split("=")[0]]
    assert hooks == ["--essential-hook"] + ["--customize-hook"] * 4


@pytest.mark.parametrize("name", [images.HOST, *images.RECIPES])
def test_our_recipes_can_be_read(name: str) -> None:
    recipe = load(name)
    assert "openssh-server" in recipe.packages
    assert any(path == "customize.sh" for path, _ in recipe.files)


def test_the_cache_follows_the_xdg_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert images.cache_folder() == tmp_path / "guesthouse" / "images"
    assert images.cached("small") is None
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert images.cache_folder() == tmp_path / ".cache" / "guesthouse" / "images"
