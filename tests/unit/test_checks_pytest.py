"""`pytest tests/infra`: a test for each check, a clear error without a stack."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

# A stack whose host is as declared but for one file, and whose guest web does not answer.
CONFTEST = f"""
import sys
sys.path[:0] = [{str(CHECKOUT / "tests" / "unit")!r}]
import pytest
from checks_case import as_declared, changed, site_plan
from guesthouse.checks import pytest_plugin
from guesthouse.checks.check import judge
from guesthouse.checks.compile import checks
from guesthouse.checks.pytest_plugin import *

pytest_addoption = add_options
pytest_generate_tests = parametrize
PLAN = site_plan()
times = []

def verify(plan, door, deep):
    times.append(1)
    assert len(times) == 1, "the machines are asked once"
    facts = changed(as_declared(plan), ("hosts", "h1", "files", "/etc/motd", "mode"), "0600")
    return judge(checks(plan), changed(facts, ("guests", "db"), "silent"))

pytest_plugin.verify = verify

def pytest_configure(config):
    config.stash[DECLARED] = Declared(PLAN, None)

@pytest.fixture
def finding(request, check_id):
    return look_up(request.config, check_id)
"""


def run(*argv: str, folder: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *argv],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_stack_it_says_what_to_type() -> None:
    done = run("tests/infra")
    assert done.returncode == 4
    wanted = "ERROR: tests/infra needs a stack: pytest tests/infra --stack STACK\n"
    assert done.stderr.strip() == wanted.strip()


def test_an_unknown_stack_is_a_usage_error_without_a_traceback() -> None:
    done = run("tests/infra", "--stack", "no-such-stack")
    assert done.returncode == 4
    assert "there is no site file" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_the_usual_run_leaves_the_running_machines_alone() -> None:
    """All of tests/, but without the folders whose collecting takes its time."""
    others = [f for f in (CHECKOUT / "tests").iterdir() if f.is_dir() and f.name != "infra"]
    done = run("--collect-only", "-q", "tests", *(f"--ignore={folder}" for folder in others))
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "tests/infra" not in done.stdout


def test_each_check_is_a_test(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    source = (CHECKOUT / "tests" / "infra" / "test_declared.py").read_text()
    (tmp_path / "test_declared.py").write_text(source)
    done = run("-q", "-ra", folder=tmp_path)
    lines = done.stdout.splitlines()
    failed = [line for line in lines if line.startswith("FAILED")]
    assert len(failed) == 2
    assert failed[0].startswith(
        "FAILED test_declared.py::test_as_declared[h1: hosts.h1.files./etc/"
    )
    assert failed[1].startswith("FAILED test_declared.py::test_as_declared[db: guests.db ssh]")
    assert any(line.startswith("ERROR test_declared.py::test_as_declared[db: ") for line in lines)
    text = "\n".join(lines)
    assert "hosts.h1.files./etc/motd.mode: file has its mode (on h1)\nseen: 0600\n" in text
    assert "not checked: failed: db: guests.db ssh" in text
    assert "skipped" not in lines[-1]
