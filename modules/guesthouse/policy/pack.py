"""The rules as a Pulumi policy pack (https://www.pulumi.com/docs/insights/policy/)."""

from __future__ import annotations

import os
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from guesthouse.policy.registered import Registered
from guesthouse.policy.rule import ResourceRule, StackRule
from guesthouse.policy.rules import RULES

_OURS = "guesthouse:index:"


class Pack:
    """Remembers what was registered: at the end the engine hands out what the state holds, which
    for an unchanged resource may be older than what is declared."""

    def __init__(self) -> None:
        self._seen: dict[str, Registered] = {}

    def policies(self) -> list[Policy]:
        """Every rule in the words of the policy SDK."""
        return [self._policy(rule) for rule in RULES]

    def _policy(self, rule: ResourceRule | StackRule) -> Policy:
        level = EnforcementLevel(rule.level)
        if isinstance(rule, StackRule):
            return StackValidationPolicy(rule.name, rule.says, self._of_stack(rule), level)
        return ResourceValidationPolicy(rule.name, rule.says, self._of_resource(rule), level)

    def _of_resource(self, rule: ResourceRule) -> Any:
        def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
            resource = _registered(args.resource_type, args.name, args.props)
            if resource is None:
                return
            self._seen[args.urn] = resource
            if resource.kind == rule.kind:
                for problem in rule.check(resource):
                    report(str(problem), None)

        return validate

    def _of_stack(self, rule: StackRule) -> Any:
        def validate(args: StackValidationArgs, report: ReportViolation) -> None:
            found = [
                self._seen.get(item.urn) or _registered(item.resource_type, item.name, item.props)
                for item in args.resources
            ]
            for problem in rule.check([item for item in found if item is not None]):
                report(str(problem), None)

        return validate


def _registered(kind: str, name: str, values: Any) -> Registered | None:
    """The resource, if it is one of ours."""
    if not kind.startswith(_OURS):
        return None
    return Registered(kind.removeprefix(_OURS), name, values)


def main() -> None:
    """Serve the engine until it ends."""
    # The engine puts the stack's configuration there, secrets too; no rule wants it.
    os.environ.pop("PULUMI_CONFIG", None)
    PolicyPack("guesthouse", Pack().policies())
