"""Room: resources as registered -> which rules they break. Pure; `pack` is the engine's door.

Comes in: the inputs of our resources, as the engine hands them to a policy pack. Goes out:
problems, each with its place in the site and a hint. May import: errors. Third-party names: lxml,
PyYAML; pulumi_policy in pack only.
"""

from guesthouse.policy.registered import Registered
from guesthouse.policy.rule import ResourceRule, StackRule
from guesthouse.policy.rules import RULES

__all__ = ["RULES", "Registered", "ResourceRule", "StackRule"]
