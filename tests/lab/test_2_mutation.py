"""Each declared attribute, broken by hand on a running machine, fails exactly its check."""

from __future__ import annotations

import pytest
from lab_project import LabProject
from mutation_case import Site, running
from mutations import CONTAINERS, Mutation

from guesthouse.checks import green
from guesthouse.lab.host import CONTAINER

KIND = CONTAINER


@pytest.fixture(scope="module")
def site(deployed: LabProject) -> Site:
    return running(deployed)


@pytest.mark.parametrize("mutation", CONTAINERS, ids=[m.check for m in CONTAINERS])
def test_breaking_one_attribute_fails_its_check_only(site: Site, mutation: Mutation) -> None:
    site.fails_its_check_only(mutation)


def test_after_all_that_everything_is_as_declared(site: Site) -> None:
    site.is_as_declared()


def test_the_table_is_long_enough() -> None:
    assert len({mutation.check for mutation in CONTAINERS}) >= 25


# What our provider owns, on a host and of a guest, all broken at once.
OWNED = (
    "hosts.h1.files./etc/motd.d/10-guesthouse.content",
    "hosts.h1.files./etc/motd.d/10-guesthouse.owner",
    "guests.web.autostart",
    "guests.web.description",
)


def test_what_we_own_is_shown_by_preview_and_mended_by_up(site: Site, lab: LabProject) -> None:
    for mutation in CONTAINERS:
        if mutation.check.removeprefix("h1: ") in OWNED:
            site.run("h1", mutation.broken)
    failed = {f.path for f in site.now("h1").values() if f.status == "failed"}
    assert failed == set(OWNED)
    preview = lab.run("preview", "lab", "--refresh", "--diff", "--expect-no-changes")
    assert preview.returncode != 0
    for word in ("10-guesthouse", "autostart", "another guest"):
        assert word in preview.stdout + preview.stderr
    lab.guesthouse("up", "lab", "--yes", "--refresh")
    assert green(site.now("h1").values())
