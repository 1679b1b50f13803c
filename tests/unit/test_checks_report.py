"""The report: its text compared whole, its JSON, its JUnit read back and obeying the schema."""

from __future__ import annotations

import json

from lxml import etree

from guesthouse.checks import Finding
from guesthouse.checks.report import junit, text, values

PASSED = Finding("error", "passed", "h1: a", "hosts.h1.a", "h1", "a is there", "yes", "yes")
FAILED = Finding(
    "error", "failed", "h1: b", "hosts.h1.b", "h1", "b has its size", "2 <\x07>", "3", "grow it"
)
WARNING = Finding("warning", "failed", "h1: w", "pools.p", "h1", "room", "1 GiB", "2 GiB", "look")
UNCHECKED = [
    Finding(
        "error", "not checked", f"web: {n}", f"guests.web.{n}", "web", f"{n} is", "failed: h1: b"
    )
    for n in "abcdefg"
]
LEFT_OUT = Finding("info", "not checked", "h2: a", "hosts.h2.a", "h2", "a is there", "resting")
FINDINGS = [PASSED, FAILED, WARNING, *UNCHECKED, LEFT_OUT]

TEXT = """\
FAILED hosts.h1.b: b has its size (on h1)
  seen: 2 <\\x07>
  wanted: 3
  remedy: grow it
WARNING pools.p: room (on h1)
  seen: 1 GiB
  wanted: 2 GiB
  remedy: look
NOT CHECKED: failed: h1: b
  guests.web.a: a is
  guests.web.b: b is
  guests.web.c: c is
  guests.web.d: d is
  guests.web.e: e is
  and 2 more
NOT CHECKED (info): resting
  hosts.h2.a: a is there
h1: 1 passed, 2 failed
web: 0 passed, 7 not checked
h2: 0 passed, 1 not checked
11 checks: 1 passed, 2 failed, 8 not checked; NOT as declared
"""

# The part of JUnit's schema that CI systems agree on (Ant's, as Jenkins and GitLab read it).
SCHEMA = """\
<grammar xmlns="http://relaxng.org/ns/structure/1.0"
         datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">
 <start><element name="testsuites"><oneOrMore><element name="testsuite">
  <attribute name="name"/>
  <attribute name="tests"><data type="nonNegativeInteger"/></attribute>
  <attribute name="failures"><data type="nonNegativeInteger"/></attribute>
  <attribute name="errors"><data type="nonNegativeInteger"/></attribute>
  <attribute name="skipped"><data type="nonNegativeInteger"/></attribute>
  <zeroOrMore><element name="testcase">
   <attribute name="classname"/><attribute name="name"/>
   <attribute name="time"><data type="decimal"/></attribute>
   <optional><choice>
    <element name="failure"><attribute name="message"/><text/></element>
    <element name="error"><attribute name="message"/><text/></element>
    <element name="skipped"><attribute name="message"/><empty/></element>
    <element name="system-out"><text/></element>
   </choice></optional>
  </element></zeroOrMore>
 </element></oneOrMore></element></start>
</grammar>
"""


def test_text() -> None:
    assert text(FINDINGS) == TEXT


def test_text_when_all_is_well() -> None:
    assert text([PASSED]) == "h1: 1 passed\n1 checks: 1 passed; all is as declared\n"


def test_values_are_json() -> None:
    told = json.loads(json.dumps(values("lab", FINDINGS)))
    assert (told["stack"], told["green"]) == ("lab", False)
    assert told["counts"] == {"passed": 1, "failed": 2, "not_checked": 8}
    assert told["findings"][1] == {
        "severity": "error",
        "status": "failed",
        "id": "h1: b",
        "path": "hosts.h1.b",
        "machine": "h1",
        "what": "b has its size",
        "seen": "2 <\x07>",
        "wanted": "3",
        "remedy": "grow it",
    }


def test_junit_obeys_its_schema() -> None:
    schema = etree.RelaxNG(etree.fromstring(SCHEMA))
    schema.assertValid(etree.fromstring(junit("lab", FINDINGS).encode()))


def test_junit_has_a_case_for_each_check_and_no_skip_for_what_matters() -> None:
    suite = etree.fromstring(junit("lab", FINDINGS).encode())[0]
    assert dict(suite.attrib) == {
        "name": "guesthouse lab",
        "tests": "11",
        "failures": "1",
        "errors": "7",
        "skipped": "1",
    }
    cases = {case.attrib["name"]: case for case in suite}
    assert len(cases) == len(FINDINGS)
    assert list(cases["hosts.h1.a: a is there"]) == []
    failure = cases["hosts.h1.b: b has its size"][0]
    assert (failure.tag, failure.attrib["message"]) == ("failure", r"seen 2 <\x07>, wanted 3")
    assert failure.text == "seen: 2 <\\x07>\nwanted: 3\nremedy: grow it"
    assert cases["pools.p: room"][0].tag == "system-out"
    error = cases["guests.web.a: a is"][0]
    assert (error.tag, error.attrib["message"]) == ("error", "not checked: failed: h1: b")
    assert cases["hosts.h2.a: a is there"][0].tag == "skipped"
