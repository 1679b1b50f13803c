"""All rules, in the order of the README's table."""

from __future__ import annotations

from guesthouse.policy import first_boot, guest, host, network, stack
from guesthouse.policy.rule import ResourceRule, StackRule

RULES: tuple[ResourceRule | StackRule, ...] = (
    *guest.RULES,
    *first_boot.RULES,
    *host.RULES,
    *network.RULES,
    *stack.RULES,
)
