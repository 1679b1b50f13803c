"""What a machine says is no command to a pipeline's runner: each attack with a control."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from test_display import ATTACKS, DOORS, OBEYED, PRINTED

from guesthouse.cli import textfile
from guesthouse.cli.families import Collected, registry
from guesthouse.display import visible, visible_json

# Name: what a machine says, and how it is shown.
COMMANDS = {
    "error": ("::error file=a,line=1::x", r"\x3a:error file=a,line=1::x"),
    "output": ("::set-output name=a::b", r"\x3a:set-output name=a::b"),
    "mask": ("::add-mask::0", r"\x3a:add-mask::0"),
    "stop": ("::stop-commands::x", r"\x3a:stop-commands::x"),
    "group": ("::group::x", r"\x3a:group::x"),
    "indented": (" \t ::warning::x", " \t " + r"\x3a:warning::x"),
    "odd blanks": ("\xa0\u3000::DEBUG::x", "\xa0\u3000" + r"\x3a:DEBUG::x"),
    "after a return": ("\r::error::x", r"\r::error::x"),
    "of a line": ("a\n::error::x\n::error::y", "a\n\\x3a:error::x\n\\x3a:error::y"),
    "older": ("a ##[set-env name=a]b", r"a \x23#[set-env name=a]b"),
    "Azure": ("##vso[task.setvariable variable=a]b", r"\x23#vso[task.setvariable variable=a]b"),
    "more hashes": ("####[error]x", r"##\x23#[error]x"),
    "control: IPv6": ("::1 ::/0 ::ffff:10.0.0.1", "::1 ::/0 ::ffff:10.0.0.1"),
    "control: URN": ("urn:pulumi:one::guesthouse::a", "urn:pulumi:one::guesthouse::a"),
    "control: within": ("a ::error::x", "a ::error::x"),
    "control: heading": ("## [a](b)\n##x", "## [a](b)\n##x"),
}
ALL = ATTACKS | COMMANDS


@pytest.mark.parametrize("attack", COMMANDS)
def test_a_command_is_shown_and_not_obeyed(attack: str) -> None:
    hostile, shown = COMMANDS[attack]
    assert visible(hostile) == visible(hostile, colours=True) == shown
    assert visible(shown) == shown


@pytest.mark.parametrize("attack", [name for name in COMMANDS if "control" not in name])
@pytest.mark.parametrize("door", DOORS)
def test_no_document_holds_a_command(door: str, attack: str) -> None:
    made = DOORS[door](f"\n{COMMANDS[attack][0]}\n")
    lines = [line.strip() for line in made.splitlines()]
    assert [line for line in lines if line.startswith("::") or "##[" in line or "##v" in line] == []


@pytest.mark.parametrize("attack", COMMANDS)
@pytest.mark.parametrize("door", PRINTED)
def test_no_command_is_printed(door: str, attack: str, capsys: pytest.CaptureFixture[str]) -> None:
    hostile, shown = COMMANDS[attack]
    PRINTED[door](f"\n{hostile}")
    seen = capsys.readouterr()
    for line in shown.splitlines():
        assert line.strip() in seen.out + seen.err


@pytest.mark.parametrize("attack", ALL)
def test_json_means_the_same(attack: str) -> None:
    hostile = ALL[attack][0]
    made = visible_json(json.dumps([hostile], ensure_ascii=False))
    assert json.loads(made) == [hostile]
    assert OBEYED.findall(made) == []
    assert "##[" not in made and "##vso[" not in made


def test_labels_of_others_files_are_shown(tmp_path: Path) -> None:
    for number, (hostile, _) in enumerate(ALL.values()):
        text = hostile.replace("\n", " ").encode(errors="replace").decode()
        about = text.replace("\r", " ")
        lines = f'# HELP a{number} {about}\n# TYPE a{number} gauge\na{number}{{x="{text}"}} 1\n'
        (tmp_path / f"{number}.prom").write_text(lines, encoding="utf-8", newline="\n")
    made = generate_latest(registry(Collected(tuple(textfile.read(tmp_path))))).decode()
    assert OBEYED.findall(made) == []
    assert "größer [b] → 日本 😀" in made
    assert made.count("textfile_scrape_error{") == len(ALL)
    assert "} 1.0\n" in made
