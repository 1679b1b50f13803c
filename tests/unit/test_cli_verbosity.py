"""The engine logs secrets from level 8 on, so nobody may ask for that by way of us."""

from __future__ import annotations

import pytest

from guesthouse.cli.verbosity import refuse_too_much
from guesthouse.errors import SiteError

# Arguments for the engine -> the level that is refused, None when it is let through.
CASES: tuple[tuple[list[str], str | None], ...] = (
    ([], None),
    (["--parallel", "9"], None),
    (["-v", "7"], None),
    (["-v=0"], None),
    (["--verbose", "3", "--logtostderr"], None),
    (["--diff", "-v7"], None),
    (["--view", "9"], None),
    (["-v", "8"], "8"),
    (["-v", "9"], "9"),
    (["-v9"], "9"),
    (["-v=9"], "9"),
    (["-v", "11"], "11"),
    (["-v", "0x9"], "0x9"),
    (["-v", "0b1001"], "0b1001"),
    (["-v", "1_0"], "1_0"),
    (["--verbose", "9"], "9"),
    (["--verbose=9"], "9"),
    (["--yes", "-rv9"], "9"),
    (["-v", "3", "-v", "9"], "9"),
    (["-v"], ""),
)


@pytest.mark.parametrize(("arguments", "level"), CASES, ids=lambda value: str(value))
def test_levels_that_show_secrets_are_refused(arguments: list[str], level: str | None) -> None:
    if level is None:
        refuse_too_much(arguments)
        return
    with pytest.raises(SiteError) as caught:
        refuse_too_much(arguments)
    assert str(caught.value) == (
        f"--verbose: the engine would log secrets in clear, got '{level}', allowed 0 to 7\n"
        "  hint: ask for less: -v 7"
    )
