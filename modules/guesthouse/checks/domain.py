"""A guest's domain in the facts: what runs, and what its next start would use."""

from __future__ import annotations

from collections.abc import Callable

from guesthouse.checks.check import Seen, SiteFacts, need, words
from guesthouse.facts.guest import DomainFact, Shape
from guesthouse.placement import GuestPlan


def domain(guest: GuestPlan, facts: SiteFacts) -> DomainFact:
    """The domain; a check of it needs the one that it is there."""
    return need(need(facts.host(guest.host).hypervisor).domains[guest.name])


def both(guest: GuestPlan, of: Callable[[Shape], object], wanted: object, facts: SiteFacts) -> Seen:
    """What runs and what the next start uses are both as wanted."""
    found = domain(guest, facts)
    config = of(found.config)
    live = of(found.live) if found.live else config
    text = words(live) if live == config else f"{words(live)} now, {words(config)} at next start"
    return Seen(live == config == wanted, text)
