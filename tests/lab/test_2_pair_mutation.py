"""Each declared attribute, broken by hand on an emulated host, fails exactly its check."""

from __future__ import annotations

import pytest
from lab_project import LabProject
from mutation_case import Site, running
from mutations import PAIR, Mutation

from guesthouse.lab.host import EMULATED

KIND = EMULATED


@pytest.fixture(scope="module")
def site(deployed: LabProject) -> Site:
    return running(deployed)


@pytest.mark.parametrize("mutation", PAIR, ids=[m.check for m in PAIR])
def test_breaking_one_attribute_fails_its_check_only(site: Site, mutation: Mutation) -> None:
    site.fails_its_check_only(mutation)


def test_after_all_that_everything_is_as_declared(site: Site) -> None:
    site.is_as_declared()
