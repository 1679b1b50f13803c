"""Odd words, many virtual functions, resources that are not ours, folders that are gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from report_case import step

from guesthouse.cli import report
from guesthouse.errors import Problem, SetupError
from guesthouse.report import Outcome, read_events
from guesthouse.report.markdown import _code, escaped, markdown
from guesthouse.report.review import review
from guesthouse.report.svg import svg
from guesthouse.report.topology import Card, Host, Topology


def test_words_of_users_are_words() -> None:
    assert escaped("a|b <img> @team #1 [x](y) *b* _i_ link_loss\n c") == (
        "a&#124;b &#60;img> @&#8203;team &#35;1 &#91;x&#93;(y) &#42;b&#42; &#95;i&#95; link_loss c"
    )
    assert escaped("a\r/approve") == "a /approve", "no line of its own, which would be a command"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a <b> @c\r\nd", "`a <b> @c d`"),
        ("a`b", "``a`b``"),
        ("a``b", "```a``b```"),
        ("`a", "`` `a ``"),
    ],
)
def test_code_ends_where_it_should(text: str, code: str) -> None:
    assert _code(text) == code


@pytest.mark.parametrize("total", [4, 63, 256])
def test_all_virtual_functions_are_within_their_card(total: int) -> None:
    host = Host("h1", cards=(Card("fast", "nic enp1s0", total),))
    cells = re.findall(
        r'<rect class="free" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"',
        svg(Topology("t", (host,))),
    )
    ends = [float(x) + float(width) for x, width in cells]
    assert len(ends) == total
    assert max(ends) < 590, "the card is 600 wide, and its boxes end before that"


def test_what_is_not_ours_is_told_without_a_look_at_its_values() -> None:
    values = {"connection": "[secret]", "name": "x", "domain_xml": "<a/>"}
    other = "command:remote:Command"
    lines = [step(other, "a", old=values, new={**values, "domain_xml": "<b/>"})]
    lines.append(step(other, "b", op="delete", old=values))
    lines.append(step("pulumi:providers:libvirt", "c", op="delete"))
    found = review("s", read_events(lines), Outcome.OK)
    told = [(s.title, s.action, s.effect.word, s.diffs) for s in found.subjects]
    assert told == [
        ("other resource b", "deleted", "destroys_data", ()),
        ("other resource a", "changed", "none", ()),
    ]
    assert "| **destroys_data** | other resource b | deleted |" in markdown(found, "", ())


def test_a_folder_that_is_gone_is_a_message(tmp_path: Path) -> None:
    def fails() -> None:
        raise SetupError(Problem("x", "is wrong"))

    folder = report.prepare_folder(tmp_path / "review")
    folder.rmdir()
    with pytest.raises(SetupError) as caught:
        report.or_report(folder, "s", fails)  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"{folder / 'report.md'}: cannot be written: no such file or directory"
    )
