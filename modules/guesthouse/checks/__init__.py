"""Room: Plan x facts -> findings. Before (preflight), after (verify).

Comes in: a Plan and facts, or the way to ask for them. Goes out: findings, each with its place in
the site file, what was seen, what was wanted, and the remedy. May import: placement, facts, model,
errors; never render or components, since a check that reads a rendered text proves only that the
text equals itself. The third-party name here is pytest (pytest_plugin.py only).
"""

from guesthouse.checks.finding import Finding, green

__all__ = ["Finding", "green"]
