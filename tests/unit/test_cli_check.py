"""`guesthouse check` and `plan`, and how every door answers a mistake. No engine, no machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_site import SITE, write_project
from typer.testing import CliRunner

from guesthouse.cli.app import app, run

COMMANDS = (
    [],
    ["check"],
    ["schema"],
    ["plan"],
    ["preview"],
    ["up"],
    ["verify"],
    ["destroy"],
    ["status"],
    ["ssh"],
    ["lab"],
    ["lab", "up"],
    ["lab", "down"],
    ["lab", "status"],
    ["lab", "ssh"],
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"], prog_name="guesthouse")
    assert result.exit_code == 0
    assert f"Example: {' '.join(['guesthouse', *command])}" in " ".join(result.output.split())


def test_help_loads_nothing_heavy() -> None:
    heavy = "{'pydantic', 'pulumi', 'libvirt', 'testinfra', 'jinja2', 'yaml', 'pyinfra'}"
    code = f"import sys, guesthouse.cli.app; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


def test_check_says_ok_with_counts(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "stacks/one.site.yaml"]) == 0
    assert capsys.readouterr() == (
        "OK stacks/one.site.yaml: 1 host, 1 pool, 1 image, 1 network, 1 guest\n",
        "",
    )


def test_check_prints_all_problems_located(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = SITE.replace("network: nat}", "network: nta}").replace("vcpus: 1", "vcpus: many")
    (project / "stacks/bad.site.yaml").write_text(bad)
    assert run(["check", "stacks/bad.site.yaml", "stacks/one.site.yaml", "none.yaml"]) == 2
    out, err = capsys.readouterr()
    assert out == "OK stacks/one.site.yaml: 1 host, 1 pool, 1 image, 1 network, 1 guest\n"
    assert err == (
        "error: stacks/bad.site.yaml:13:5 guests.web.vcpus: not a whole number, got 'many'\n"
        "error: stacks/bad.site.yaml:16:19 guests.web.nics.nat0.network: unknown network,"
        " got 'nta', allowed 'nat'\n"
        "  hint: did you mean 'nat'?\n"
        "error: none.yaml: cannot be read: no such file or directory\n"
    )


@pytest.mark.parametrize(
    ("text", "code", "out", "err"),
    [
        (SITE, 0, "OK -: 1 host, 1 pool, 1 image, 1 network, 1 guest\n", ""),
        (
            SITE.replace("vcpus: 1", "vcpus: many"),
            2,
            "",
            "error: -:13:5 guests.web.vcpus: not a whole number, got 'many'\n",
        ),
        ("", 2, "", "error: -: the file is empty\n  hint: begin with 'site: NAME'\n"),
    ],
    ids=["right", "wrong", "empty"],
)
def test_check_reads_standard_input(
    project: Path, text: str, code: int, out: str, err: str
) -> None:
    command = [str(Path(sys.prefix) / "bin/guesthouse"), "check", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)


def test_check_prints_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--json", "stacks/one.site.yaml", "none.yaml"]) == 2
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == {
        "ok": False,
        "files": [
            {
                "file": "stacks/one.site.yaml",
                "ok": True,
                "hosts": 1,
                "pools": 1,
                "images": 1,
                "networks": 1,
                "guests": 1,
                "problems": [],
            },
            {
                "file": "none.yaml",
                "ok": False,
                "problems": [
                    {
                        "where": "none.yaml",
                        "what": "cannot be read: no such file or directory",
                        "got": "",
                        "allowed": "",
                        "hint": "",
                        "path": [],
                    }
                ],
            },
        ],
    }


def test_capacity_is_checked(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "stacks/full.site.yaml").write_text(SITE.replace("2048", "256"))
    assert run(["check", "stacks/full.site.yaml"]) == 2
    assert capsys.readouterr().err == (
        "error: stacks/full.site.yaml:3:40 hosts.h1.memory_mib: the guest of host 'h1' needs"
        " 512 MiB, got a capacity of 256 MiB\n"
        "  hint: move web to another host or make it smaller\n"
    )


def test_plan_prints_hosts_guests_and_nics(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "one"]) == 0
    out = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert out == [
        ["Hosts", "of", "one-1/guesthouse/one"],
        ["host", "address", "guests", "memory", "MiB,", "used", "of"],
        ["h1", "test:///default", "1", "512", "2048"],
        [],
        ["Guests"],
        ["guest", "host", "vCPUs", "memory", "MiB", "UUID"],
        ["web", "h1", "1", "512", "6409bec0-0eb4-5de9-9447-3ce2c6efbe92"],
        [],
        ["NICs"],
        ["guest", "NIC", "network", "MAC", "address"],
        ["web", "nat0", "nat", "52:89:dd:74:3a:25", "DHCP"],
    ]


def test_plan_prints_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "one", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hosts"]["h1"]["memory_mib_used"] == 512
    assert found["guests"]["web"]["disks"][0]["size_bytes"] == 1024**3
    assert found["guests"]["web"]["nics"][0]["mac"] == "52:89:dd:74:3a:25"
    assert found["secrets"] == ["web_password"]


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (
            ["plan", "onne"],
            2,
            "error: stack onne: there is no site file stacks/onne.site.yaml, allowed 'one'\n"
            "  hint: did you mean 'one'?\n",
        ),
        (
            ["-C", "nowhere", "plan", "one"],
            7,
            "error: nowhere: cannot be entered: No such file or directory\n",
        ),
        (
            ["-C", "/", "plan", "one"],
            7,
            "error: /: no Pulumi.yaml here or above\n"
            "  hint: go to the project folder, or name it: guesthouse -C FOLDER ...\n",
        ),
        (
            ["ssh", "-s", "one", "webb"],
            2,
            "error: stack one: no such machine, got 'webb', allowed 'h1', 'web'\n"
            "  hint: did you mean 'web'?\n",
        ),
    ],
)
def test_mistakes_are_messages(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    code: int,
    message: str,
) -> None:
    assert run(argv) == code
    assert capsys.readouterr() == ("", message)


def test_the_lab_is_missed_by_name(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "stacks/lab.site.yaml").write_text("site: lab\nhosts: {h1: {address: 127.0.0.1}}\n")
    assert run(["up", "lab", "--yes"]) == 6
    assert capsys.readouterr().err == ("error: lab: is not there\n  hint: run: guesthouse lab up\n")


def test_wrong_arguments_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan"]) == 2
    assert run(["plann", "one"]) == 2
    assert "No such command 'plann'. Did you mean 'plan'?" in capsys.readouterr().err


def test_an_error_of_ours_is_one_message_and_a_log(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_path: Path) -> None:
        raise KeyError("web")

    monkeypatch.setattr("guesthouse.sitefile.read", broken)
    assert run(["check", "stacks/one.site.yaml"]) == 70
    (log,) = (project / ".guesthouse/log").iterdir()
    assert capsys.readouterr().err == (
        "error: guesthouse: an unexpected error: KeyError: 'web'\n"
        f"  hint: this is a mistake in guesthouse; the details are in {log}\n"
    )
    assert log.read_text().endswith("KeyError: 'web'\n")


def test_ctrl_c_exits_with_130(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("guesthouse.sitefile.read", interrupted)
    assert run(["check", "stacks/one.site.yaml"]) == 130


def test_colours_only_on_a_terminal(project: Path) -> None:
    command = [str(Path(sys.prefix) / "bin/guesthouse"), "check", "stacks/one.site.yaml", "none"]
    plain = subprocess.run(command, capture_output=True, check=False)
    assert (plain.returncode, b"\x1b" in plain.stdout + plain.stderr) == (2, False)
    quoted = " ".join(command)
    typed = ["script", "-qec", quoted, "/dev/null"]
    coloured = subprocess.run(
        typed, capture_output=True, check=False, env={**os.environ, "TERM": "xterm-256color"}
    )
    assert (coloured.returncode, b"\x1b[" in coloured.stdout) == (2, True)
