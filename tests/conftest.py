"""What all tests share: the option that rewrites golden trees, the measure of property tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

# No deadline: a busy machine is not a bug. No database: tests leave nothing in the checkout.
settings.register_profile("guesthouse", max_examples=40, deadline=None, database=None)
settings.load_profile("guesthouse")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate", action="store_true", help="write tests/golden/*/expected anew, then review"
    )
