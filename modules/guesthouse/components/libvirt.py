"""Pools through `pulumi_libvirt`, one explicit provider per host.

`pulumi_libvirt` is heavy, so it is imported by the functions that use it: a site whose pools exist
already never loads it.
"""

from __future__ import annotations

import pulumi

from guesthouse.placement import PoolPlan, resource_name


def provider(
    host: str, uri: pulumi.Output[str], maintenance: bool, opts: pulumi.ResourceOptions
) -> pulumi.ProviderResource:
    """The provider of one host; ``uri`` is an output, since a new host has no libvirt yet.

    In ``maintenance`` its plugin leaves the host alone (engine/libvirt/maintenance.go).
    """
    import pulumi_libvirt as libvirt

    if maintenance:
        uri = uri.apply(left_alone)
    return libvirt.Provider(f"{host}-libvirt", uri=uri, opts=opts)


def left_alone(uri: str) -> str:
    """The uri of a host in maintenance."""
    return f"{uri}{'&' if '?' in uri else '?'}guesthouse_maintenance=true"


def pool(plan: PoolPlan, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """A storage pool; removing it never removes its folder."""
    import pulumi_libvirt as libvirt

    return libvirt.Pool(
        resource_name(plan.host, plan.name),
        name=plan.name,
        type=plan.kind,
        target=libvirt.PoolTargetArgs(path=plan.path),
        opts=opts,
    )
