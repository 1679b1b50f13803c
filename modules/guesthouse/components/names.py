"""Which types and names a site and its resources have in the state, and had in older ones."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from guesthouse.placement import Plan, former_name, former_names

# The type of every site in older states. The engine finds a site there by type and name, and then
# looks for its children below that type too; another site's children it does not.
FORMER_SITE = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_="guesthouse:site:Site")])


def site_type(site: str) -> str:
    """A type for each site: the URN of a resource has the types of its parents, not their names
    (https://www.pulumi.com/docs/iac/concepts/resources/names/#urns)."""
    return f"guesthouse:site:{site}"


def former_by_kind(plan: Plan) -> Mapping[str, Mapping[tuple[str, ...], str]]:
    """Kind -> parts of a name -> former name; of two kinds may have one, as their types differ."""
    hosts = plan.hosts.values()
    cards = [(h.name, name) for h in hosts for name in h.host.physical_functions]
    pools = [(p.host, p.name) for p in plan.pools if not p.existing]
    return {
        "physical function": former_names(cards),
        "vf network": former_names((n.host, n.name) for n in plan.vf_networks),
        "network": former_names((n.host, n.name) for n in plan.networks if not n.existing),
        "image": former_names((i.host, i.pool, i.name) for i in plan.images),
        # All of them: a pool is not ours, and would be replaced where ours refuse another's state.
        "pool": {parts: former_name(*parts) for parts in pools},
    }
