"""The doors to machines: ssh, status, verify, the lab; with hosts that nobody answers for."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_site import KEY, SITE, write_project

from guesthouse.checks import gather
from guesthouse.cli.app import run
from guesthouse.cli.engine import prepare_home
from guesthouse.cli.forget import close_connections
from guesthouse.cli.project import Project
from guesthouse.cli.stack import default_stack, only_stack, read_plan, with_outputs
from guesthouse.errors import SiteError
from guesthouse.machine.ssh import Endpoint, SshDirectory
from scratch import scratch_project

GUEST = {
    "host": "h1",
    "address": "10.77.0.5",
    "addresses": {"nat0": ["10.77.0.5"]},
    "ssh_host_keys": [KEY],
}


@pytest.fixture
def port() -> Iterator[int]:
    """A port of loopback that is ours and that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


@pytest.fixture
def project(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Project:
    write_project(tmp_path)
    host = f'{{address: 127.0.0.1, port: {port}, memory_mib: 2048, host_keys: ["{KEY}"]}}'
    old = '{libvirt_uri: "test:///default", memory_mib: 2048}'
    assert old in SITE
    (tmp_path / "stacks/one.site.yaml").write_text(SITE.replace(old, host))
    monkeypatch.chdir(tmp_path)
    return Project.find()


def test_status_shows_an_unreachable_host_as_such(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["status", "one"]) == 4
    out = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert out[0] == ["Hosts", "of", "one-1/guesthouse/one"]
    assert out[2] == ["h1", "unreachable"]
    assert out[6] == ["web", "h1", "not", "known"]


def test_status_prints_json(
    project: Project, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["status", "one", "--json"]) == 4
    assert json.loads(capsys.readouterr().out) == {
        "stack": "one",
        "hosts": {
            "h1": {
                "state": "unreachable",
                "error": f"host h1: ssh to root@127.0.0.1:{port} failed, got ssh: connect to host "
                f"127.0.0.1 port {port}: Connection refused\n  hint: check that the machine is up "
                "and that its address, port, user and key are right",
            }
        },
        "guests": {"web": {"host": "h1", "declared": True, "state": "not known"}},
    }


def test_ssh_exits_with_the_clients_code(project: Project) -> None:
    command = [str(Path(sys.prefix) / "bin/guesthouse"), "ssh", "-s", "one", "h1", "--", "true"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (255, "")
    assert result.stderr.endswith(": Connection refused\n")


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ([], []),
        (["hostname"], ["hostname"]),
        (["echo $HOME | tr a b"], ["echo $HOME | tr a b"]),
        (["ls", "/a b"], ["ls '/a b'"]),
    ],
)
def test_one_argument_is_shell_text_and_several_are_quoted(
    project: Project, monkeypatch: pytest.MonkeyPatch, words: list[str], sent: list[str]
) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr(os, "execvp", lambda _program, argv: became.append(argv))
    assert run(["ssh", "-s", "one", "h1", *(["--", *words] if words else [])]) == 0
    ((program, flag, config, *rest),) = became
    assert (program, flag, Path(config).name) == ("ssh", "-F", "ssh_config")
    assert rest == ["--", "h1", *sent]


def test_guests_are_reached_by_what_up_told(project: Project) -> None:
    opened = with_outputs(read_plan(project, "one"), {"guests": {"web": GUEST}})
    assert opened.ssh.endpoints["web"] == Endpoint(
        name="web", address="10.77.0.5", user="admin", host_keys=(KEY,), via="h1"
    )
    assert opened.addresses("web") == ("10.77.0.5",)


def test_a_guest_without_address_names_the_next_step(project: Project) -> None:
    with pytest.raises(SiteError) as caught:
        with_outputs(read_plan(project, "one"), {}).machine("web")
    assert str(caught.value) == "guest web: no address is known\n  hint: run: guesthouse up one"


def test_the_stack_that_is_meant(project: Project) -> None:
    naming = "guesthouse status STACK"
    assert default_stack(project, naming) == "lab"
    project.config_file("one").write_text("{}")
    assert default_stack(project, naming) == "one"
    project.config_file("two").write_text("{}")
    assert only_stack(project) == ""
    with pytest.raises(SiteError) as caught:
        default_stack(project, naming)
    assert str(caught.value) == (
        "stack: which one?, allowed 'one', 'two'\n  hint: name it: guesthouse status STACK"
    )
    project.config_file("lab").write_text("{}")
    assert default_stack(project, naming) == "lab"


def verified(project: Project, *words: str) -> int:
    """The exit code of `verify one`, with the engine of the checkout."""
    engine = scratch_project(project.root / "engine") / ".guesthouse/engine"
    project.home.mkdir()
    (project.home / "engine").symlink_to(engine)
    return run(["verify", "one", *words])


def test_verify_of_what_does_not_answer_is_red(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gather, "HOST_PATIENCE_S", 1.0)
    assert verified(project, "--junit", "report.xml", "--metrics", "report.prom") == 1
    out, _ = capsys.readouterr()
    assert out.startswith("FAILED hosts.h1.address: host answers over ssh (on h1)\n")
    table = [line.split() for line in out.splitlines()[-4:]]
    assert table[:2] == [
        ["Stack", "one"],
        ["machine", "on", "host", "addresses", "checks", "passed", "to", "log", "in"],
    ]
    assert table[2][:3] == ["h1", "127.0.0.1", "0"]
    assert (project.root / "report.xml").read_text().startswith("<?xml")
    metrics = (project.root / "report.prom").read_text()
    assert 'guesthouse_verify_checks{stack="one",status="failed"} 1.0\n' in metrics
    assert 'guesthouse_verify_success{stack="one"} 0.0\n' in metrics
    assert run(["verify", "one", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["green"] is False


@pytest.mark.parametrize("mute", [False, True], ids=["refuses", "mute"])
def test_no_dead_host_takes_longer_than_the_patience(project: Project, mute: bool) -> None:
    with socket.socket() as listener:
        if mute:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            path = project.site_file("one")
            port = listener.getsockname()[1]
            path.write_text(re.sub(r"port: \d+", f"port: {port}", path.read_text()))
        start = time.monotonic()
        assert verified(project, "--patience", "1") == 1
    # Without a patience it is 45 s, and 30 s more for each connection.
    assert time.monotonic() - start < 20


def test_lab_commands_without_a_lab(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    missing = "error: lab: is not there\n  hint: run: guesthouse lab up\n"
    for command in (["lab", "status"], ["lab", "ssh"]):
        assert run(command) == 6
        assert capsys.readouterr().err == missing
    assert run(["lab", "down"]) == 0
    assert capsys.readouterr().err == "lab: nothing to take down\n"


def test_lab_down_takes_half_a_lab_away(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare_home(project)
    stack = project.state / ".pulumi/stacks/guesthouse/lab.json"
    for path in (stack, project.home / "lab/h1.qcow2", project.config_file("lab")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    assert run(["lab", "down"]) == 0
    assert capsys.readouterr().err == "lab: gone\n"
    assert not stack.exists()
    assert not (project.home / "lab").exists()
    assert not project.config_file("lab").exists()
    assert project.passphrase.exists()


def test_connections_of_the_lab_are_closed_and_no_others(project: Project) -> None:
    key = f"{project.home}/lab/id_ed25519"
    ours = SshDirectory([Endpoint("h1", "127.0.0.1", identity_file=key)])
    other = SshDirectory([Endpoint("h1", "127.0.0.1", identity_file=f"/another{key}")])
    try:
        close_connections(project)
        assert not ours.folder.exists()
        assert other.config.exists()
    finally:
        shutil.rmtree(other.folder)
