"""The passphrase is made once; never anew while something is encrypted with the one before."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from guesthouse.cli import passphrase
from guesthouse.cli.project import Project
from guesthouse.errors import SetupError
from scratch import CHECKOUT

CONFIG = "stacks/Pulumi.one.yaml"
STATE = ".guesthouse/state/.pulumi/stacks/guesthouse/one.json"
ENCRYPTED = 'encryptionsalt: v1:abc=\nconfig:\n  guesthouse:web: {secure: "v1:x"}\n'
IN_CLEAR = "config:\n  guesthouse:site: one.site.yaml\n"
CHECKPOINT = '{"secrets_providers": {"type": "passphrase", "state": {"salt": "v1:abc="}}}'
HINT = (
    "\n  hint: write it there again from your copy; if there is none, the secrets are lost: "
    "move these files away, then run: make setup"
)
# What lies there -> the files that the passphrase is needed for.
CASES: tuple[tuple[dict[str, str], str], ...] = (
    ({}, ""),
    ({CONFIG: IN_CLEAR}, ""),
    ({STATE: '{"resources": []}'}, ""),
    ({CONFIG: ENCRYPTED}, CONFIG),
    ({STATE: CHECKPOINT}, STATE),
    ({CONFIG: ENCRYPTED, STATE: CHECKPOINT}, f"{CONFIG}, {STATE}"),
)


def by_command(folder: Path) -> str:
    """What the command says; empty when it made one."""
    try:
        passphrase.make(Project(folder))
    except SetupError as error:
        return str(error)
    return ""


def by_setup(folder: Path) -> str:
    """The same of `make setup`, whose last line runs all of it."""
    text = (CHECKOUT / "scripts/setup.sh").read_text()
    assert text.endswith('\nmain "$@"\n')
    script = folder / "scripts/setup.sh"
    script.parent.mkdir(exist_ok=True)
    shutil.copy(CHECKOUT / "scripts/in_cache.sh", script.parent)
    script.write_text(text.removesuffix('main "$@"\n') + "setup_state\n")
    done = subprocess.run(["bash", script], capture_output=True, text=True, check=False)
    return done.stderr.removeprefix("setup: ").rstrip("\n") if done.returncode else ""


@pytest.mark.parametrize("made", [by_command, by_setup])
@pytest.mark.parametrize(("files", "needed"), CASES)
def test_no_new_one_while_files_are_encrypted(
    tmp_path: Path, made: Callable[[Path], str], files: dict[str, str], needed: str
) -> None:
    for folder in (".guesthouse", "stacks"):
        (tmp_path / folder).mkdir()
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    said = made(tmp_path)
    file = tmp_path / ".guesthouse/passphrase"
    if needed:
        what = ".guesthouse/passphrase: is missing, and files are encrypted with it, got "
        assert said == f"{what}{needed}{HINT}"
        assert not file.exists()
    else:
        assert said == ""
        assert len(file.read_text()) > 40
        assert file.stat().st_mode & 0o777 == 0o600
        before = file.read_text()
        (tmp_path / CONFIG).write_text(ENCRYPTED)
        assert (made(tmp_path), file.read_text()) == ("", before)
