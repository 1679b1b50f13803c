"""Pools and libvirt networks through `pulumi_libvirt`, one explicit provider per host.

`pulumi_libvirt` is heavy, so it is imported by the functions that use it: a site whose pools and
networks exist already never loads it.
"""

from __future__ import annotations

import pulumi

from guesthouse.placement import NetworkPlan, PoolPlan

# libvirt's words for our kinds (https://libvirt.org/formatnetwork.html, forward mode).
_MODES = {"nat": "nat", "routed": "route", "isolated": "none"}


def provider(
    host: str, uri: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> pulumi.ProviderResource:
    """The provider of one host; ``uri`` is an output, since a new host has no libvirt yet."""
    import pulumi_libvirt as libvirt

    return libvirt.Provider(f"{host}-libvirt", uri=uri, opts=opts)


def pool(plan: PoolPlan, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """A storage pool; removing it never removes its folder."""
    import pulumi_libvirt as libvirt

    return libvirt.Pool(
        f"{plan.host}-{plan.name}",
        name=plan.name,
        type=plan.kind,
        target=libvirt.PoolTargetArgs(path=plan.path),
        opts=opts,
    )


def network(plan: NetworkPlan, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """A libvirt network; its bridge's name says whose it is."""
    import pulumi_libvirt as libvirt

    return libvirt.Network(
        f"{plan.host}-{plan.name}",
        name=plan.name,
        mode=_MODES[plan.kind],
        bridge=plan.bridge,
        addresses=[plan.subnet],
        dhcp=libvirt.NetworkDhcpArgs(enabled=plan.dhcp),
        autostart=True,
        opts=opts,
    )
