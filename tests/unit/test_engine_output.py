"""What the engine prints reaches our own output whole, shown and never obeyed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_display import OBEYED

from guesthouse.cli.engine import Engine
from guesthouse.cli.project import Project


def engine_that_says(folder: Path, script: str) -> Engine:
    (folder / "Pulumi.yaml").write_text("name: guesthouse\n")
    program = folder / "pulumi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    engine = Engine.__new__(Engine)
    engine.__dict__.update(
        project=Project(folder), program=str(program), env={"PATH": "/usr/bin:/bin"}
    )
    return engine


HOSTILE = r"\033[31merror:\033[0m \033]52;c;x\007 \302\2332J\033[8m end\n::error::\n\r::mask::\n"


@pytest.mark.parametrize("to", ["", ">&2"])
def test_what_the_engine_says_is_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], to: str
) -> None:
    engine = engine_that_says(tmp_path, f"printf '{HOSTILE}' {to}")
    assert engine.run("preview") == 0
    seen = capfd.readouterr()
    assert (seen.err if to else seen.out) == (
        "\x1b[31merror:\x1b[0m \\x1b]52;c;x\\x07 \\x9b2J\\x1b[8m end\n"
        "\\x3a:error::\n\n\\x3a:mask::\n"
    )
    assert (seen.out if to else seen.err) == ""


def test_json_of_the_engine_means_the_same(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = {"a": "\x7f\x9b2J\u202e##[error]", "b": "größer"}
    (tmp_path / "said").write_text(json.dumps(said, ensure_ascii=False, indent=1))
    engine = engine_that_says(tmp_path, f"cat {tmp_path}/said")
    assert engine.run("preview", "--json") == 0
    shown = capfd.readouterr().out
    assert json.loads(shown) == said and OBEYED.findall(shown) == [] and "##[" not in shown


def test_who_reads_the_engine_slowly_gets_all(tmp_path: Path) -> None:
    """More than a pipe holds, and a reader that waits longer than the engine's last words may."""
    engine_that_says(tmp_path, "seq 40000")
    run = """if True:
    from pathlib import Path
    from guesthouse.cli import relay
    from guesthouse.cli.engine import Engine
    from guesthouse.cli.project import Project
    relay.LAST_WORDS_S = 0.2
    engine = Engine.__new__(Engine)
    engine.__dict__.update(project=Project(Path.cwd()), program="./pulumi", env={"PATH": "/bin"})
    raise SystemExit(engine.run("up"))
    """
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", run], cwd=tmp_path, stdout=pipe) as process:
        assert process.stdout
        process.stdout.read(1)
        # The relay holds a pipe's worth, the engine another one; it ends before we read on.
        process.stdout.read(150_000)
        time.sleep(1.5)
        rest = process.stdout.read()
        assert process.wait(60) == 0
    assert rest.endswith(b"39999\n40000\n")


def test_who_reads_the_engine_may_go(tmp_path: Path) -> None:
    """The engine ends its work all the same."""
    engine_that_says(tmp_path, "sleep 0.3; seq 50000; seq 50000 >&2; touch done")
    run = """if True:
    from pathlib import Path
    from guesthouse.cli.engine import Engine
    from guesthouse.cli.project import Project
    engine = Engine.__new__(Engine)
    engine.__dict__.update(project=Project(Path.cwd()), program="./pulumi", env={"PATH": "/bin"})
    raise SystemExit(engine.run("up"))
    """
    argv = [sys.executable, "-c", run]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=tmp_path, stdout=pipe, stderr=pipe) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        said = process.stderr.read().decode()
        process.wait(60)
    assert (tmp_path / "done").exists() and "Traceback" not in said
