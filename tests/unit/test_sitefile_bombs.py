"""Site files made to exhaust the reader or to make it stumble, each with a harmless twin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import site_mutations
from cli_site import SITE

from guesthouse.errors import LabError, SetupError
from guesthouse.lab import state
from guesthouse.machine.ssh import SshDirectory
from guesthouse.sitefile import read


def doubling(levels: int) -> str:
    """Each anchor is ten times the one before: 30 KB of them would be more than any memory."""
    lines = ["x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


def chain(length: int) -> str:
    """Flat as text, ``length`` levels deep when it is expanded."""
    lines = ["x0: &x0 [1]", *(f"x{n}: &x{n} [*x{n - 1}]" for n in range(1, length))]
    return "\n".join(lines) + "\n"


def merging(keys: int, mappings: int) -> str:
    lines = ["b: &b {" + ", ".join(f"k{n}: 1" for n in range(keys)) + "}"]
    return "\n".join([*lines, *(f"m{n}: {{<<: *b}}" for n in range(mappings))]) + "\n"


ALIASED = "aliases add more than 100000 values"
DEEP = "nested deeper than 64 levels"
# Name: the bomb, what is said of it, and the twin.
BOMBS = {
    "doubling": (doubling(12), ALIASED, doubling(3)),
    "billion": (doubling(600), ALIASED, doubling(2)),
    "chain": (chain(3000), DEEP, chain(50)),
    "merging": (merging(1000, 1000), ALIASED, merging(10, 10)),
    "sequences": ("q: " + "[" * 5000, DEEP, "q: " + "[" * 40 + "]" * 40),
    "mappings": ("q: " + "{a: " * 5000, DEEP, "q: " + "{a: " * 40 + "1" + "}" * 40),
    "many": ("q: [" + "1," * 600_000 + "]", "has more than 500000 values", "q: [1, 1]"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_is_expanded(tmp_path: Path, name: str) -> None:
    bomb, what, twin = BOMBS[name]
    path = tmp_path / "bomb.site.yaml"
    path.write_text(SITE + bomb)
    code = (
        "import sys\nfrom pathlib import Path\nfrom guesthouse.sitefile import read\n"
        "file = read(Path(sys.argv[1]))\nprint(*file.problems)\n"
        "from site_mutations import own_peak_mb\nprint(own_peak_mb())"
    )
    argv = [sys.executable, "-c", code, str(path)]
    beside = {**os.environ, "PYTHONPATH": str(Path(site_mutations.__file__).parent)}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True, env=beside)
    said, peak_mb = done.stdout.splitlines()
    place, _, text = said.partition(": ")
    assert text == what
    file, line, column = place.rsplit(":", 2)
    assert (file, line.isdecimal(), column.isdecimal()) == (str(path), True, True)
    assert int(peak_mb) < site_mutations.LIMIT_MB
    path.write_text(SITE + twin)
    told = {problem.what for problem in read(path).problems}
    assert told == {"unknown key"}


def test_a_file_without_end_is_refused() -> None:
    assert [str(p) for p in read(Path("/dev/zero")).problems] == ["/dev/zero: is a device"]


WHERE = "odd.site.yaml"
ALL = "'link_loss', 'restart', 'replace', 'destroys_data'"
ODD = [
    ("allow: [[x]]\n" + SITE, [f"{WHERE}:1:9 allow.0: unknown value, got a list, allowed {ALL}"]),
    ("allow: [{a: b}]\n" + SITE, [
        f"{WHERE}:1:9 allow.0: unknown value, got a mapping, allowed {ALL}"]),
    ("allow: [replace, link_loss]\n" + SITE, []),
    (SITE.replace("disks: {root: {pool: guests, image: small, size_gib: 1}}", "diskz: nope"), [
        f"{WHERE}:15:5 guests.web.diskz: unknown key, allowed @KEYS@\n"
        "  hint: did you mean 'disks'?"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ODD, ids=lambda value: repr(value)[:30])
def test_an_odd_shape_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: list[str]
) -> None:
    from guesthouse.model import Guest

    monkeypatch.chdir(tmp_path)
    Path(WHERE).write_text(text)
    keys = ", ".join(repr(key) for key in sorted(Guest.model_fields))
    found = [str(problem) for problem in read(Path(WHERE)).problems]
    assert found == [line.replace("@KEYS@", keys) for line in expected]


def test_no_ssh_on_the_path_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh = SshDirectory([], tmp_path / "ssh")
    assert ssh.command("h1")[0] == "ssh"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError) as caught:
        ssh.run("h1", "true")
    assert str(caught.value) == ("ssh: there is no 'ssh' on PATH\n  hint: install openssh-client")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"images": [1]}', '{"images": 1}', "\x00"])
def test_a_lab_record_that_is_none_is_said(tmp_path: Path, text: str) -> None:
    folder = state.Folder(tmp_path)
    assert state.load(folder) is None
    folder.lab.mkdir(parents=True)
    folder.state.write_text(text)
    with pytest.raises(LabError) as caught:
        state.load(folder)
    assert str(caught.value) == (
        f"{folder.state}: is not a record of a lab\n"
        "  hint: run: guesthouse lab down && guesthouse lab up"
    )


def test_500_mutations_of_site_files(tmp_path: Path) -> None:
    """10,000 of them in `make test-long`; here a seed of its own."""
    program = str(Path(site_mutations.__file__))
    argv = [sys.executable, program, "500", "2"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    counts = json.loads(done.stdout)
    assert counts["accepted"] + counts["refused"] == 500
    assert min(counts["accepted"], counts["refused"]) > 25


@pytest.mark.parametrize("twin", [
    lambda text: text, lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n"),
    lambda text: "# a comment\n" + text, lambda text: "---\n" + text + "...\n",
], ids=["same", "bom", "crlf", "comment", "document"])  # fmt: skip
def test_what_the_mutations_begin_with_is_accepted(tmp_path: Path, twin: object) -> None:
    path = tmp_path / "twin.site.yaml"
    for text in site_mutations.texts()[:1]:
        path.write_bytes(twin(text).encode())  # type: ignore[operator]
        assert site_mutations.outcome(path) == "accepted"
