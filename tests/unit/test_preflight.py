"""Preflight from the host's shell to the message, with the plain values that the engine hands."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import cases
from guesthouse.checks.admission import admit
from guesthouse.errors import MachineError
from guesthouse.provider.preflight import host_capacities

PLAN = cases.site_plan("emulated")
QUESTION = {"connection": {}, "paths": ["/srv/guests"], "nics": [], "machines": [], "cards": False}
# Says what libvirt 11.3 says; only the exit code is looked at.
VIRSH = """#!/bin/sh
case " $* " in
*" version --daemon "*) echo "Running against daemon: 11.3.0";;
{cases}
*) echo "the accel is not supported by QEMU on this host" >&2; exit 1;;
esac
"""


def answer(tmp_path: Path, types: Collection[str]) -> dict[str, Any]:
    """What this machine tells, with a libvirt that offers domains of these types."""
    lines = (f'*" domcapabilities --virttype {kind} --arch x86_64 "*) ;;' for kind in types)
    (tmp_path / "virsh").write_text(VIRSH.format(cases="\n".join(lines)))
    (tmp_path / "virsh").chmod(0o755)

    def run(command: str) -> str:
        argv = ["sh", "-c", f"PATH={tmp_path}:$PATH\n{command}"]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    host = SimpleNamespace(is_test=False, name="h", run=run)
    made = host_capacities(SimpleNamespace(get=lambda _: host), QUESTION)  # type: ignore[arg-type]
    return dict(json.loads(json.dumps(made)))


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    return lambda *types: answer(tmp_path, types)


def test_libvirt_with_both_types_carries_both_hosts(told: Callable[..., dict[str, Any]]) -> None:
    host = {**told("kvm", "qemu"), "has_kvm": True}
    assert host["domain_types"] == ["kvm", "qemu"]
    admit(PLAN, {"fast": host, "slow": host}, pytest.fail, dry=False)


@pytest.mark.parametrize("has_kvm", [True, False])
def test_without_kvm_the_host_that_wants_it_is_refused(
    told: Callable[..., dict[str, Any]], has_kvm: bool
) -> None:
    host = {**told("qemu"), "has_kvm": has_kvm}
    assert host["domain_types"] == ["qemu"]
    with pytest.raises(MachineError) as refused:
        admit(PLAN, {"fast": host, "slow": host}, pytest.fail, dry=True)
    (problem,) = refused.value.problems
    assert problem.where == "hosts.fast.acceleration"
    assert "hosts.fast.acceleration: tcg" in problem.hint


def test_without_emulation_the_host_that_wants_it_is_refused(
    told: Callable[..., dict[str, Any]],
) -> None:
    host = {**told("kvm"), "has_kvm": True}
    with pytest.raises(MachineError) as refused:
        admit(PLAN, {"fast": host, "slow": host}, pytest.fail, dry=False)
    (problem,) = refused.value.problems
    assert (problem.where, problem.got) == ("hosts.slow.acceleration", "of type kvm")
