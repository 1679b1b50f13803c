"""Findings for people (text), for machines (JSON) and for CI (JUnit XML)."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree import ElementTree

from guesthouse.checks.finding import Finding, green
from guesthouse.display import visible

# Of the checks that one cause leaves unanswered, so many are named in the text.
SHOWN = 5


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many passed, failed, were not checked."""
    found = Counter(finding.status for finding in findings)
    return {status: found[status] for status in ("passed", "failed", "not checked")}


def machines(findings: Iterable[Finding]) -> list[tuple[str, dict[str, int]]]:
    """Counts for each machine, in the order of the findings."""
    by_machine: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_machine[finding.machine].append(finding)
    return [(machine, counts(items)) for machine, items in by_machine.items()]


def text(findings: Sequence[Finding]) -> str:
    """What did not pass, each with what was seen, wanted and what to do; then the counts."""
    lines: list[str] = []
    for finding in findings:
        if finding.status == "failed":
            lines += _failed(finding)
    for (reason, severity), items in _unchecked(findings).items():
        note = "" if severity == "error" else f" ({severity})"
        lines.append(f"NOT CHECKED{note}: {_within(reason)}")
        lines += [f"  {item.path}: {item.what}" for item in items[:SHOWN]]
        if len(items) > SHOWN:
            lines.append(f"  and {len(items) - SHOWN} more")
    for machine, numbers in machines(findings):
        lines.append(f"{machine}: {_numbers(numbers)}")
    lines.append(f"{len(findings)} checks: {_numbers(counts(findings))}; {_verdict(findings)}")
    return visible("\n".join(lines)) + "\n"


def _verdict(findings: Sequence[Finding]) -> str:
    if any(finding.is_red for finding in findings):
        return "NOT as declared"
    if any(finding.status == "passed" for finding in findings):
        return "all is as declared"
    return "all was left out on purpose" if findings else "NOTHING to check"


def _failed(finding: Finding) -> list[str]:
    word = "FAILED" if finding.severity == "error" else finding.severity.upper()
    return [
        f"{word} {finding.path}: {finding.what} (on {finding.machine})",
        f"  seen: {_within(finding.seen)}",
        f"  wanted: {_within(finding.wanted)}",
        f"  remedy: {_within(finding.remedy)}",
    ]


def _within(value: str) -> str:
    """What a machine said: lines of its own stay within what is said about it."""
    return value.replace("\n", "\n    ")


def _unchecked(findings: Iterable[Finding]) -> dict[tuple[str, str], list[Finding]]:
    """Unchecked findings by their reason: one cause is told once."""
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.status == "not checked":
            groups[finding.seen, finding.severity].append(finding)
    return groups


def _numbers(numbers: dict[str, int]) -> str:
    shown = {k: n for k, n in numbers.items() if n or k == "passed"}
    return ", ".join(f"{number} {status}" for status, number in shown.items())


def values(stack: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """The report as JSON values."""
    return {
        "stack": stack,
        "green": green(findings),
        "counts": {key.replace(" ", "_"): n for key, n in counts(findings).items()},
        "findings": [dataclasses.asdict(finding) for finding in findings],
    }


def junit(stack: str, findings: Sequence[Finding]) -> str:
    """JUnit XML: a test case for each check.

    Not checked is an error, not a skip: CI must not take it for a success. Only what was left
    out on purpose (a host in maintenance) is a skip.
    """
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(suites, "testsuite", _attributes(stack, findings))
    for finding in findings:
        name = visible(f"{finding.path}: {finding.what}")
        about = {"classname": finding.machine, "name": name, "time": "0"}
        _outcome(ElementTree.SubElement(suite, "testcase", about), finding)
    ElementTree.indent(suites, space="  ")
    body = ElementTree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _attributes(stack: str, findings: Sequence[Finding]) -> dict[str, str]:
    red = [finding for finding in findings if finding.is_red]
    numbers = {
        "tests": len(findings),
        "failures": sum(finding.status == "failed" for finding in red),
        "errors": sum(finding.status == "not checked" for finding in red),
        "skipped": sum(_is_skip(finding) for finding in findings),
    }
    return {"name": f"guesthouse {stack}"} | {key: str(n) for key, n in numbers.items()}


def _is_skip(finding: Finding) -> bool:
    return finding.status == "not checked" and not finding.is_red


def _outcome(case: ElementTree.Element, finding: Finding) -> None:
    if finding.status == "passed":
        return
    if finding.status == "not checked":
        tag = "skipped" if _is_skip(finding) else "error"
        ElementTree.SubElement(case, tag, message=visible(f"not checked: {finding.seen}"))
        return
    told = f"seen: {finding.seen}\nwanted: {finding.wanted}\nremedy: {finding.remedy}"
    if not finding.is_red:
        ElementTree.SubElement(case, "system-out").text = visible(f"{finding.severity}: {told}")
        return
    message = visible(f"seen {finding.seen}, wanted {finding.wanted}")
    ElementTree.SubElement(case, "failure", message=message).text = visible(told)
