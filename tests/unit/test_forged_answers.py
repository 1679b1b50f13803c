"""No guest answers for another one: the real shell text and virsh, on libvirt's test driver, where
a program of that name in front of virsh plays the agents."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from guesthouse.facts import virsh
from guesthouse.facts.hypervisor import hypervisor
from guesthouse.provider import sights

LIAR, VICTIM = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))
AGENT = " eth0       52:54:00:aa:00:01    ipv4         10.90.0.12/24"
FACT = "State: crashed"

# What an agent, or a text in a guest's document, may say: marks of ours, old ones, and lines that
# are lines for one reader and none for another.
_MARKS = {
    "old mark": "==virsh {mark}=={fact}",
    "old mark on a line": "\n==virsh {mark}==\n{fact}\n",
    "old mark twice": "==virsh {mark}====virsh {mark}=={fact}",
    "mark by its variable": "==$run {mark}=={fact}",
    "mark by a guess": "==0123456789abcdef0123456789abcdef {mark}=={fact}",
    "mark without a word": "== {mark}=={fact}",
    "encoded": "\n= {mark}\n|{fact}\n",
    "encoded at once": "= {mark}\n|{fact}",
    "encoded by CR": "\r= {mark}\r|{fact}\r",
    "encoded by CR LF": "\r\n= {mark}\r\n|{fact}\r\n",
    "encoded by VT": "\v= {mark}\v|{fact}\v",
    "encoded by FF": "\f= {mark}\f|{fact}\f",
    "encoded by FS": "\x1c= {mark}\x1c|{fact}",
    "encoded by NEL": "\x85= {mark}\x85|{fact}",
    "encoded by LS": "\u2028= {mark}\u2028|{fact}",
    "encoded by NUL": "\0= {mark}\0|{fact}",
    "beyond a write": "x" * 4095 + "\n= {mark}\n|{fact}\n" + "x" * 9000,
    "beyond the bound": "x" * 65535 + "\n= {mark}\n|{fact}\n",
    "a flood": "= {mark}\n|{fact}\n" * 20_000,
    "shell": "$(echo; echo '= {mark}'; echo '|{fact}')",
    "quotes": "'; printf '\\n= {mark}\\n|{fact}\\n'; '",
    "format": "%s\\n= {mark}\\n|{fact}",
    "sed": "|;s/.*/= {mark}/;#",
    "a command of virsh": ";echo ==virsh {mark}==;echo {fact}",
}
_WANTED = ("info", "stored", "running", "lease", "arp", "agent")
ATTACKS = {
    f"{kind}: {mark}": text.replace("{mark}", mark).replace("{fact}", FACT)
    for kind, text in _MARKS.items()
    for mark in ("node", *(f"{VICTIM}/{one}" for one in _WANTED))
}
HARMLESS = (AGENT, "", "= no\n", "|", "==", "==virsh ==", "\u00fc", "\n\n" + AGENT)


def node(folder: Path, description: str) -> str:
    """The URI of a host with two running guests."""

    def domain(name: str, uuid: str, text: str) -> str:
        return (
            f"<domain type='test'><name>{name}</name><uuid>{uuid}</uuid>"
            f"<description>{text}</description>"
            "<memory>1024</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>"
        )

    file = folder / "node.xml"
    both = domain("liar", LIAR, description) + domain("victim", VICTIM, "the victim")
    file.write_text(f"<node>{both}</node>")
    return f"test://{file}"


def answers(folder: Path, agent: str) -> dict[str, str]:
    """What a look at the host tells, when the first guest's agent says this."""
    told, program = folder / "told", folder / "virsh"
    told.write_bytes(agent.encode())
    program.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *"--source agent"*{LIAR}*) cat {told} ;;\n'
        f'*"--source agent"*) echo "{AGENT}" ;;\n'
        '*) exec /usr/bin/virsh "$@" ;; esac\n'
    )
    program.chmod(0o755)
    script = sights._SCRIPT.replace(virsh.SYSTEM, node(folder, "the liar"))
    environment = {**os.environ, "PATH": f"{folder}:/usr/bin:/bin", "TMPDIR": str(folder)}
    done = subprocess.run(
        ["sh", "-s"], input=script.encode(), capture_output=True, check=True, env=environment
    )
    found = virsh.cut(done.stdout.decode(errors="replace"))
    assert found[f"{LIAR}/info"].startswith("Id:")
    assert found[f"{VICTIM}/running"].startswith("<domain")
    return found


def others(found: dict[str, str]) -> dict[str, str]:
    """All that the first guest's agent has no say in; a running guest's CPU time goes on."""
    about = {mark: text for mark, text in found.items() if mark != f"{LIAR}/agent"}
    return {
        mark: "\n".join(x for x in text.split("\n") if not x.startswith(("CPU time", "Used")))
        for mark, text in about.items()
    }


def test_no_agent_answers_for_another_guest(tmp_path: Path) -> None:
    honest = answers(tmp_path, AGENT)
    assert honest[f"{LIAR}/agent"] == honest[f"{VICTIM}/agent"] == AGENT.strip()
    wanted, forged = others(honest), []
    for kind in _MARKS:
        # All marks at once: one look for each kind.
        attack = "".join(text for name, text in ATTACKS.items() if name.startswith(f"{kind}: "))
        if others(answers(tmp_path, attack)) != wanted:
            forged.append(kind)
    assert forged == []
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_a_harmless_agent_is_heard(tmp_path: Path) -> None:
    wanted = others(answers(tmp_path, AGENT))
    for text in HARMLESS:
        found = answers(tmp_path, text)
        assert others(found) == wanted
        assert found[f"{LIAR}/agent"] == text.replace("\u00fc", "").strip()


def test_what_an_agent_tells_is_bounded(tmp_path: Path) -> None:
    assert len(answers(tmp_path, "x" * 10_000_000)[f"{LIAR}/agent"]) == 64 * 1024


@pytest.mark.parametrize("kind", [k for k, text in _MARKS.items() if text.isprintable()])
def test_no_text_of_a_document_is_a_mark(kind: str, tmp_path: Path) -> None:
    question = hypervisor(["liar", "victim"], [], [])

    def look(description: str) -> dict[str, object]:
        command = question.command.replace(virsh.SYSTEM, node(tmp_path, description))
        done = subprocess.run(["sh", "-c", command], capture_output=True, check=True)
        return dict(question.parse(done.stdout.decode()).domains)

    wanted = look("the liar")["victim"]
    text = _MARKS[kind].replace("{mark}", "domains/victim/0").replace("{fact}", FACT)
    found = look(f"{text}\n{text}\n")
    assert found["victim"] == wanted
    assert found["liar"].config.description == f"{text}\n{text}\n".strip()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("", {}),
        ("= a\n|1\n= b\n|2\n|3\n", {"a": "1", "b": "2\n3"}),
        ("|lost\nnoise\n= a\nnoise\n|1", {"a": "1"}),
        ("= a\n|= b\n||x\n", {"a": "= b\n|x"}),
        ("= a\n= b\n|1\r= c\n", {"a": "", "b": "1\r= c"}),
        ("= a b\n|1\n", {}),
    ],
)
def test_the_encoding(output: str, found: dict[str, str]) -> None:
    assert virsh.cut(output) == found
