"""The report of recorded previews, byte by byte, and what must hold of every report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import report_case
from report_case import CASES, FOLDER, step

import cases
from guesthouse.effects import Effect
from guesthouse.errors import Problem
from guesthouse.report import FILES, Ending, Outcome, failed_early, read_events, report_files
from guesthouse.report.colours import DARK, LIGHT
from guesthouse.report.markdown import LIMIT, markdown
from guesthouse.report.mermaid import mermaid
from guesthouse.report.planned import planned_hosts
from guesthouse.report.present import present_hosts
from guesthouse.report.review import Review, problems_of, review
from guesthouse.report.svg import svg
from guesthouse.report.topology import Guest, Host, Mark, Nic, Topology, Wire


@pytest.mark.parametrize("case", CASES)
def test_the_recorded_previews_give_the_recorded_reports(
    case: str, request: pytest.FixtureRequest
) -> None:
    made = report_case.files(case)
    assert tuple(made) == FILES
    for name, text in made.items():
        file = FOLDER / f"{case}.{name}"
        if request.config.getoption("--regenerate"):
            file.write_text(text)
        assert file.read_text() == text, f"{file.name} (rewrite with --regenerate)"


def test_the_pictures_of_everything(request: pytest.FixtureRequest) -> None:
    """Cards, virtual functions, VLANs, devices, all kinds of networks; every style once."""
    styles = iter(LIGHT)
    plan = cases.site_plan("everything")
    names = [("guest", "", name) for name in plan.guests]
    names += [("physical function", "h1", name) for name in ("fast", "slow", "slower")]
    names += [("network", "h1", "nat"), ("host", "h1", "h1"), ("pool", "h1", "fast")]
    marks = {name: Mark(style, style) for name, style in zip(names, styles, strict=True)}
    topology = Topology("everything", planned_hosts(plan), marks)
    for name, text in {"svg": svg(topology), "mmd": mermaid(topology)}.items():
        file = FOLDER / f"everything.{name}"
        if request.config.getoption("--regenerate"):
            file.write_text(text)
        assert file.read_text() == text, f"{file.name} (rewrite with --regenerate)"


@pytest.mark.parametrize("case", CASES)
def test_pictures_need_nothing_else(case: str) -> None:
    for name in ("topology.svg", "topology-before.svg"):
        text = report_case.files(case)[name]
        root = ElementTree.fromstring(text)  # noqa: S314
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {"svg", "g", "rect", "path", "circle", "text", "title", "style"}
        assert not re.search(r"href|url\(|@import|@font-face|<script|xlink", text)
        assert text.count("http") == 1, "only the name space"


def test_nothing_secret_gets_into_a_report() -> None:
    state = (FOLDER / "state.json").read_text()
    ciphers = set(re.findall(r"v1:[^\"\\]+", state))
    assert ciphers and "ciphertext" in state
    for case in CASES:
        whole = "".join(report_case.files(case).values())
        assert not [word for word in (*ciphers, "ciphertext", "secrets") if word in whole]


def test_what_goes_is_said_although_the_engine_stopped_at_a_refusal() -> None:
    assert "guest old" not in (FOLDER / "refused.events").read_text()
    told = json.loads(report_case.files("refused")["report.json"])
    gone = [c for c in told["changes"] if c["action"] == "deleted"]
    assert [(c["kind"], c["name"], c["effect"]) for c in gone] == [
        ("guest", "old", "destroys_data")
    ]
    assert told["outcome"] == "refused"
    assert told["refused"] == [
        {
            "what": "guest db: memory 1024 -> 2048 MiB (restart: it was started with at most "
            "1024 MiB) is not allowed",
            "hint": "permit it: guests.db.allow: [restart]",
        }
    ]
    assert told["errors"] == []
    titles = {c["name"]: [diff["title"] for diff in c["diffs"]] for c in told["changes"]}
    assert titles == {
        "old": [],
        "db": ["domain XML"],
        "cache": ["domain XML"],
        "web": ["domain XML"],
        "nat": ["network XML"],
        "new": [],
    }


def test_the_state_before_is_the_plan_after_where_nothing_changed() -> None:
    plan = report_case.site_plan("refused")
    before = {host.name: host for host in present_hosts(report_case.resources(), plan)}
    after = {host.name: host for host in planned_hosts(plan)}
    for host in before.values():
        assert host.wires == after[host.name].wires
        assert host.pools == after[host.name].pools
        there = {guest.name: guest for guest in after[host.name].guests}
        same = [guest for guest in host.guests if guest.name not in ("db", "cache", "old")]
        assert same == [there[guest.name] for guest in same]
    assert before["t1"].used_mib == 512 + 1024 + 256


def test_a_refresh_says_what_is_there_before() -> None:
    site = "urn:pulumi:test::guesthouse::guesthouse:site:Site$guesthouse:index:"
    guests = {r["urn"]: r for r in report_case.resources() if r["type"].endswith("Guest")}
    halved = dict(guests[f"{site}Guest::db"])
    halved["outputs"] = {**halved["outputs"], "power": "stopped"}
    news = {f"{site}Guest::web": None, f"{site}Guest::old": None, f"{site}Guest::db": halved}
    lines = [
        json.dumps({"resOutputsEvent": {"metadata": {"op": "refresh", "urn": urn, "new": new}}})
        for urn, new in news.items()
    ]
    plan, seen = report_case.site_plan("refused"), read_events(lines)
    made = report_files(plan, seen, report_case.deployment(), Ending(Outcome.FAILED, 1))
    before = made["topology-before.svg"]
    assert ">web</text>" not in before and ">1 vCPU, 1024 MiB, stopped</text>" in before
    assert ">cache</text>" in before
    assert "guest old" not in made["report.md"], "what is gone already is not deleted"


def test_warnings_are_findings_and_errors_of_preflight_too() -> None:
    lines = [
        {"severity": "warning", "message": "<{%reset%}>hosts.h1: preflight failed: slow\n"},
        {"severity": "error", "message": "error: hosts.h2: preflight failed: no KVM\n  hint: x\n"},
        {"severity": "error", "message": "error: host h1: is away\n"},
        {"severity": "error", "message": "error: an unhandled error occurred: exited\n"},
        {"severity": "info", "message": "hello"},
    ]
    text = [json.dumps({"diagnosticEvent": line}) for line in lines]
    found = review("s", read_events([*text, '{"half": ']), Outcome.FAILED)
    assert found.findings == (
        ("warning", Problem("", "hosts.h1: preflight failed: slow")),
        ("error", Problem("", "hosts.h2: preflight failed: no KVM", hint="x")),
    )
    assert found.errors == (Problem("", "host h1: is away"),)
    made = markdown(found, "", ())
    assert "- warning: hosts.h1: preflight failed: slow\n" in made
    assert "**The preview failed:**" in made


def test_broken_policies_are_errors_or_findings() -> None:
    broken = {
        "mandatory": "<{%reset%}>No `cache: unsafe`.\nguests.g.disks.d.cache: unsafe\n  hint: x\n",
        "advisory": "Somebody else's policy.",
    }
    lines = [
        json.dumps({"policyEvent": {"policyName": "p", "enforcementLevel": level, "message": text}})
        for level, text in broken.items()
    ]
    found = review("s", read_events([*lines, lines[0]]), Outcome.FAILED)
    assert found.errors == (Problem("", "policy p: guests.g.disks.d.cache: unsafe", hint="x"),)
    assert found.findings == (("warning", Problem("", "policy p: Somebody else's policy.")),)


def test_changes_that_nobody_expected_are_no_failure() -> None:
    summary = {result: {"summaryEvent": {"result": result}} for result in ("succeeded", "failed")}
    made = {
        result: review("s", read_events([json.dumps(line)]), Outcome.FAILED)
        for result, line in summary.items()
    }
    assert made["succeeded"].outcome is Outcome.UNEXPECTED
    assert "**Something would change**, and nothing" in markdown(made["succeeded"], "", ())
    assert made["failed"].outcome is Outcome.FAILED


def test_what_a_limit_holds_back_is_in_the_report() -> None:
    plan, seen = report_case.site_plan("permitted"), report_case.events("permitted")
    problem = Problem("guest db", "memory 1 -> 2 MiB is not let through by --fail-on restart")
    ending = Ending(Outcome.HELD, 5, (problem,))
    made = report_files(plan, seen, report_case.deployment(), ending)
    values = json.loads(made["report.json"])
    assert (values["outcome"], values["exit_code"]) == ("held", 5)
    assert values["held"] == [{"what": str(problem), "hint": ""}]
    text = made["report.md"]
    assert "**Held back:** `up` would do it" in text
    assert "## Held back\n\n- guest db: memory 1 -> 2 MiB is not let through" in text


def test_problems_are_told_apart_by_their_lines() -> None:
    assert problems_of("a: b\n  hint: c\nd: e\n\nf: g\n  more of it") == [
        Problem("", "a: b", hint="c"),
        Problem("", "d: e"),
        Problem("", "f: g"),
        Problem("", "more of it"),
    ]


def test_a_preview_that_did_not_begin_says_why() -> None:
    made = failed_early("s", [Problem("a.yaml:1:2", "is wrong", "x", "y", "do this")], 2)
    assert set(made) == {"report.md", "report.json"}
    assert "- a.yaml:1:2: is wrong, got x, allowed y<br>\n  hint: `do this`\n" in made["report.md"]
    assert json.loads(made["report.json"])["exit_code"] == 2


@pytest.mark.parametrize("case", ["state without plan", "plan without state"])
def test_half_of_it_is_enough(case: str) -> None:
    if case == "state without plan":
        hosts = present_hosts(report_case.resources(), None)
        assert [host.name for host in hosts] == ["t1", "t2"]
        assert hosts[0].memory_mib is None
    else:
        plan = report_case.site_plan("refused")
        made = report_files(plan, read_events([]), {}, Ending(Outcome.INTERRUPTED, 130))
        assert "**The preview was interrupted:**" in made["report.md"]
        assert "nothing here" in made["topology-before.svg"]


def _review(guests: int, diff_lines: int) -> Review:
    change = {"what": "memory", "old": "1 MiB", "new": "2 MiB", "effect": "restart", "why": ""}
    lines = []
    for index in range(guests):
        old, new = ("\n".join(f"{word} {n}" for n in range(diff_lines)) for word in "ab")
        lines.append(
            step(
                "Guest",
                f"g{index:04}",
                old={"domain_xml": old},
                new={"domain_xml": new},
                told={"changes": [change], "refused": []},
            )
        )
    return review("s", read_events(lines), Outcome.OK)


@pytest.mark.parametrize(
    ("guests", "diff_lines", "left_out"),
    [
        (3, 10, []),
        (100, 100, ["diffs"]),
        (400, 20, ["diagrams", "diffs"]),
        (5000, 2, ["changes", "diagrams", "diffs"]),
    ],
)
def test_a_report_fits_into_a_comment_and_totals_are_always_there(
    guests: int, diff_lines: int, left_out: list[str]
) -> None:
    made = markdown(_review(guests, diff_lines), "x" * 40_000 + "\n", ("a.svg",))
    assert len(made) <= LIMIT
    assert f"| restart | {guests} |" in made and f"| changed | {guests} |" in made
    said = re.findall(r"has no room for it: (\d+) of (\d+) (\w+)\. `report.json` has all", made)
    assert [noun for _, _, noun in said] == left_out
    assert made.count("<details>") == made.count("</details>")


def test_a_long_diff_is_cut_and_a_fence_in_it_ends_nothing() -> None:
    made = markdown(_review(1, 400), "", ())
    assert "… 501 more lines: see report.json\n" in made
    told = {"changes": [], "refused": []}
    line = step("Network", "n", old={"network_xml": "a"}, new={"network_xml": "````"}, told=told)
    found = review("s", read_events([line]), Outcome.OK)
    assert "`````diff\n@@ -1 +1 @@\n-a\n+````\n`````\n" in markdown(found, "", ())


def test_a_diagram_is_what_mermaid_draws() -> None:
    nics = tuple(Nic(f"n{index}", "bridge b") for index in range(8))
    guests = tuple(Guest(f"g{index}", 1, 1, "running", nics=nics) for index in range(100))
    wires = (Wire("bridge b", 'b"<#', "bridge"),)
    for count in (1, 10, 100, 1000):
        hosts = tuple(Host(f"h{n}", wires=wires, guests=guests) for n in range(count))
        marks = {("guest", "", guest.name): Mark("live", "live") for guest in guests}
        made = mermaid(Topology("t", hosts, marks))
        assert len(made) <= 50_000 and made.count("---") <= 500
        if count == 1:
            assert 'h0w0(["b#quot;#lt;#35;<br/>"])' in made
            assert "and 70 more guests" in made


def test_every_style_has_colours_for_both_pages() -> None:
    assert set(LIGHT) == set(DARK)
    assert set(LIGHT) == {"created", "deleted"} | {effect.word for effect in Effect}


def test_the_recordings_name_no_place_of_a_machine() -> None:
    for file in sorted(Path(FOLDER).iterdir()):
        assert not re.search(r"/(root|home|tmp)/", file.read_text()), file.name
