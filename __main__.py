"""The Pulumi program: site file -> plan -> resources. Our errors end it here; only what
a preview would refuse is known later, in the component."""

from pathlib import Path

import pulumi

from guesthouse import placement, sitefile
from guesthouse.checks.admission import admit
from guesthouse.components import SiteComponent, end_with, host_facts
from guesthouse.errors import GuesthouseError

try:
    config = pulumi.Config()
    file = Path("stacks") / (config.get("site") or f"{pulumi.get_stack()}.site.yaml")
    site = sitefile.read(file).checked(placement.capacity_problems)
    plan = placement.plan(site, pulumi.get_project(), pulumi.get_stack())
    admit(plan, host_facts(plan), pulumi.log.warn, pulumi.runtime.is_dry_run())
    secrets = {name: config.require_secret(name) for name in plan.secrets}
    for name, value in SiteComponent(plan, secrets).outputs.items():
        pulumi.export(name, value)
except GuesthouseError as error:
    end_with(error)
