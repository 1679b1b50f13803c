"""Every query of the Grafana dashboard names metrics and labels that we export, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from dashboard import DASHBOARD, FILE, targets
from guesthouse.cli.families import FAMILIES

QUERIES = [(title, target["expr"], target["legendFormat"]) for title, target in targets()]
VARIABLES = [v for v in DASHBOARD["templating"]["list"] if v["type"] == "query"]
# What is asked of, and what the words in braces after it compare.
SELECTOR = re.compile(r"\b([a-z_]+_[a-z_]+)\b(?:\{([^}]*)\})?(?=$|[\s\[)/,-])")
WORDS = {"label_values"}


def mistakes(expression: str, legend: str = "") -> Iterator[str]:
    """Names that are not exported, and labels that none of the metrics has."""
    quoteless = re.sub(r'"[^"]*"', '""', expression)
    known: set[str] = set()
    for name, inner in SELECTOR.findall(quoteless):
        if name in WORDS:
            continue
        if name not in FAMILIES:
            yield f"no metric {name}"
            continue
        labels = set(FAMILIES[name][1])
        known |= labels
        used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inner))
        yield from (f"{name} has no label {label}" for label in sorted(used - labels))
    if not known:
        yield "asks for nothing"
    grouped = {
        w for x in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression) for w in x.split(", ")
    }
    asked = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", legend))
    yield from (f"no label {label}" for label in sorted((grouped | asked) - known))
    if grouped:
        yield from (f"{label} is summed away" for label in sorted(asked - grouped))


@pytest.mark.parametrize(("title", "expression", "legend"), QUERIES)
def test_queries_ask_for_what_is_exported(title: str, expression: str, legend: str) -> None:
    assert list(mistakes(expression, legend)) == []


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda v: str(v["name"]))
def test_variables_ask_for_what_is_exported(variable: dict[str, dict[str, str]]) -> None:
    query = variable["query"]["query"]
    assert list(mistakes(query)) == []
    name = re.search(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", query)
    assert name
    assert name[2] in FAMILIES[name[1]][1]
    assert name[2] == variable["name"]


def test_the_source_of_data_is_a_variable() -> None:
    (source,) = (v for v in DASHBOARD["templating"]["list"] if v["type"] == "datasource")
    assert (source["name"], source["query"]) == ("datasource", "prometheus")
    uids = set(re.findall(r'"uid": "([^"]*)"', FILE.read_text()))
    assert uids == {"${datasource}", DASHBOARD["uid"]}


def test_there_are_panels_of_everything() -> None:
    asked = {name for _, expression, _ in QUERIES for name, _ in SELECTOR.findall(expression)}
    kinds = {name.split("_")[1] for name in asked & FAMILIES.keys()}
    assert kinds == {"host", "pool", "guest", "vf", "verify", "drift"}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("expression", "legend", "said"),
    [
        ("guesthouse_host_upp", "", ["no metric guesthouse_host_upp", "asks for nothing"]),
        ('guesthouse_host_up{hots="a"}', "", ["guesthouse_host_up has no label hots"]),
        ("rate(guesthouse_host_cpu_seconds_total[5m])", "{{guest}}", ["no label guest"]),
        ("sum by (nic) (guesthouse_host_up)", "", ["no label nic"]),
        ("sum by (host) (guesthouse_guest_vcpus)", "{{guest}}", ["guest is summed away"]),
        ('guesthouse_host_up{host="x_y{z"} / node_load', "", ["no metric node_load"]),
    ],
)
def test_the_test_sees(expression: str, legend: str, said: list[str]) -> None:
    assert list(mistakes(expression, legend)) == said
