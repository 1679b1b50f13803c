"""Facts of a host: asked here for real where this machine can answer, else read as recorded."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from guesthouse.errors import MachineError, Problem
from guesthouse.facts import capacity, host, storage
from guesthouse.facts.host import BridgeFact, FileFact, ServiceFact
from guesthouse.facts.question import Question, ask
from guesthouse.facts.storage import VolumeFact
from guesthouse.facts.together import NotAnswered, as_root, together

RECORDED = Path(__file__).parent / "recorded_facts"
OWNER = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
GROUP = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True).stdout.strip()


def here(command: str) -> str:
    """A runner on this machine, in the shell that Debian's machines have."""
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineError(Problem("here", done.stderr))
    return done.stdout


def test_files_come_back_whole(tmp_path: Path) -> None:
    contents = {
        "empty": "",
        "plain": "one\n",
        "no end": "a\n\nb",
        "odd 'name'\"": "==guesthouse begin x\n\t$(id) \\ ü",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o640)
    (tmp_path / "bytes").write_bytes(b"\xff\x00")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("plain")
    paths = [str(tmp_path / name) for name in (*contents, "bytes", "folder", "absent", "link")]
    found = ask(here, host.files(paths))
    wanted = {
        str(tmp_path / name): FileFact(content, "0640", OWNER, GROUP)
        for name, content in contents.items()
    }
    assert {path: found[path] for path in wanted} == wanted
    assert found[str(tmp_path / "bytes")].content == "\\xff\x00"
    assert found[str(tmp_path / "link")].content == "one\n"
    assert len(found) == len(contents) + 2


def test_a_file_that_cannot_be_read_is_not_absent() -> None:
    """The kernel refuses to read this one from its start, even to root."""
    with pytest.raises(MachineError):
        ask(here, host.files(["/proc/self/mem"]))


def test_nothing_asked_is_nothing_answered() -> None:
    assert ask(here, host.files([])) == {}
    assert ask(here, host.packages([])) == frozenset()
    assert ask(here, host.services([])) == {}
    assert ask(here, storage.volumes([])) == {}
    assert ask(here, storage.digests([])) == {}


def test_packages() -> None:
    question = host.packages(["nothing-has-this-name", "bash", "libc6"])
    assert question.parse("installed bash\nconfig-files libc6\ninstalled other\n") == {"bash"}


def test_packages_on_this_machine() -> None:
    question = host.packages(["nothing-has-this-name", "bash", "coreutils"])
    assert ask(here, question) == {"bash", "coreutils"}


def test_services() -> None:
    names = ["ssh.service", "nope.service", "foo@.service", "getty.target"]
    assert host.services(names).parse((RECORDED / "services.txt").read_text()) == {
        "ssh.service": ServiceFact(enabled=True, running=True, exists=True),
        "nope.service": ServiceFact(enabled=False, running=False, exists=False),
        "foo@.service": ServiceFact(enabled=False, running=False, exists=False),
        "getty.target": ServiceFact(enabled=True, running=True, exists=True),
    }


def test_bridges() -> None:
    question = host.bridges(["trybr", "enp0s3", "br7"])
    assert question.parse((RECORDED / "ip_address.json").read_text()) == {
        "trybr": BridgeFact(members=("vnet2",), addresses=(), up=True)
    }


def test_capacity() -> None:
    question = capacity.capacity(["/srv/nope/x", "/"], ["enp0s4", "eth9"])
    fact = question.parse((RECORDED / "capacity.txt").read_text())
    assert fact == capacity.CapacityFact(
        memory_total_mib=2911,
        memory_available_mib=2587,
        vcpus=2,
        arch="x86_64",
        has_kvm=True,
        has_libvirt=True,
        libvirt_version="11.3.0",
        qemu="/usr/bin/qemu-system-x86_64",
        networkd=True,
        apparmor=False,
        nics=frozenset({"enp0s4"}),
        free_bytes={"/srv/nope/x": 18839876 * 1024, "/": 18839876 * 1024},
    )


# As libvirt 11.3 answers where a name that is no virsh says it: first with KVM, then without.
@pytest.mark.parametrize("offered", [{"kvm", "qemu"}, {"qemu"}, set()])
def test_what_libvirt_offers(tmp_path: Path, offered: set[str]) -> None:
    virsh = tmp_path / "virsh"
    lines = "\n".join(f'*" --virttype {kind} --arch x86_64 "*) exit 0;;' for kind in offered)
    virsh.write_text(f'#!/bin/sh\ncase " $* " in\n{lines}\n*) echo error >&2; exit 1;; esac\n')
    virsh.chmod(0o755)
    question = capacity.capacity([], [])
    command = f"PATH={tmp_path}:$PATH\n{question.command}"
    assert question.parse(here(command)).domain_types == offered


def test_capacity_of_this_machine(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    asked = str(tmp_path / "not" / "yet there")
    fact = ask(here, capacity.capacity([asked], ["lo", "no-such-nic"]))
    assert fact.vcpus == os.cpu_count()
    assert fact.nics == {"lo"}
    assert fact.free_bytes[asked] == pytest.approx(free, rel=0.05)
    size = ask(here, capacity.size())
    pinned = ask(here, capacity.capacity([], [], ["q35", "pc-q35-7.2", "pc-q35-99.9"]))
    assert pinned.machines == {"q35", "pc-q35-7.2"}
    assert (size.memory_total_mib, size.vcpus) == (fact.memory_total_mib, fact.vcpus)


def test_volumes_of_qemu_img(tmp_path: Path) -> None:
    base, top, empty, raw = (tmp_path / name for name in ("base.qcow2", "top", "empty", "raw"))
    for argv in (
        ["-f", "qcow2", str(base), "1G"],
        ["-f", "qcow2", "-b", str(base), "-F", "qcow2", str(top), "3G"],
        ["-f", "qcow2", "-o", "compat=0.10", str(empty), "1M"],
        ["-f", "raw", str(raw), "2M"],
    ):
        subprocess.run(["qemu-img", "create", "-q", *argv], check=True)
    paths = [str(path) for path in (base, top, empty, raw, tmp_path / "absent")]
    found = ask(here, storage.volumes(paths))
    assert {path: (f.format, f.size_bytes, f.backing_path) for path, f in found.items()} == {
        str(base): ("qcow2", 1 << 30, ""),
        str(top): ("qcow2", 3 << 30, str(base)),
        str(empty): ("qcow2", 1 << 20, ""),
        str(raw): ("raw", 2 << 20, ""),
    }
    assert found[str(raw)] == VolumeFact("raw", 2 << 20, 512 * raw.stat().st_blocks, "")


def test_digests(tmp_path: Path) -> None:
    (tmp_path / "a b").write_bytes(b"x" * 70000)
    wanted = hashlib.sha256(b"x" * 70000).hexdigest()
    paths = [str(tmp_path / "absent"), str(tmp_path / "a b")]
    assert ask(here, storage.digests(paths)) == {paths[1]: wanted}


def test_together_one_part_does_not_disturb_the_others() -> None:
    echo = Question("printf 'one\\ntwo'", str)
    questions = {
        "first": echo,
        "broken": Question("echo lost; echo why >&2; echo because >&2; exit 3", str),
        "silent": Question("false", str),
        "last": Question("cat; echo ü", str.strip),
    }
    assert ask(here, together(questions)) == {
        "first": "one\ntwo",
        "broken": NotAnswered("why because"),
        "silent": NotAnswered("the command ended with 1"),
        "last": "ü",
    }


def test_together_an_answer_that_was_cut_off_is_no_answer() -> None:
    question = together({"a": Question("echo a", str), "b": Question("echo b", str)})
    output = here(question.command)
    cut = output[: output.index("==guesthouse begin b") + 22]
    assert question.parse(cut) == {"a": "a\n", "b": NotAnswered("the answer was cut off")}


def test_as_root_is_the_same_command() -> None:
    assert here(as_root('echo "it\'s $((1 + 1))"')) == "it's 2\n"
