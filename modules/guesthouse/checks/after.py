"""After `up`: every declared attribute, looked at on the running machines."""

from __future__ import annotations

from guesthouse.checks.check import judge
from guesthouse.checks.compile import checks
from guesthouse.checks.finding import Finding
from guesthouse.checks.gather import Door, Say, gather
from guesthouse.placement import Plan


def verify(
    plan: Plan,
    access: Door,
    say: Say | None = None,
    *,
    deep: bool = False,
    patience_s: float | None = None,
) -> list[Finding]:
    """One finding for each check of the plan. ``say`` hears what is being waited for.

    ``patience_s`` is how long a machine may take to answer; else a guest has as long as its start
    may take. A machine that does not answer is a failed check, never an error: the others are
    looked at.
    """
    facts = gather(plan, access, say or (lambda text: None), deep, patience_s)
    return judge(checks(plan, deep), facts)
