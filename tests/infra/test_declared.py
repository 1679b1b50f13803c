"""Every declared attribute of a stack's site file is as declared on the running machines."""

from guesthouse.checks import Finding
from guesthouse.checks.pytest_plugin import expect


def test_as_declared(finding: Finding) -> None:
    expect(finding)
