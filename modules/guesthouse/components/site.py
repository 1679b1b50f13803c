"""A whole site as one Pulumi component: hosts, pools, networks, images, guests, outputs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import pulumi

from guesthouse import render, told
from guesthouse.components import inputs, libvirt
from guesthouse.components.ending import fail
from guesthouse.components.names import FORMER_SITE, former_by_kind, site_type
from guesthouse.components.resources import (
    Guest,
    Host,
    Image,
    Network,
    PhysicalFunction,
    Resource,
    VfNetwork,
)
from guesthouse.components.summary import summary
from guesthouse.display import visible
from guesthouse.errors import RefusedError
from guesthouse.model import start_order
from guesthouse.placement import GuestPlan, Plan, VfNetworkPlan, resource_name

Told = Mapping[str, Sequence[Any]]
Ours = TypeVar("Ours", bound=Resource)


class SiteComponent(pulumi.ComponentResource):
    """Registers everything of a plan. ``secrets`` holds the values of `Plan.secrets`.

    One program may have several sites; no two have the same name. The site is in the component's
    type, which is in the URN of each child, so their names need only differ within a site
    (https://www.pulumi.com/docs/iac/concepts/resources/names/).
    """

    def __init__(
        self,
        plan: Plan,
        secrets: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        site = plan.identity.site
        opts = pulumi.ResourceOptions.merge(opts, FORMER_SITE)
        super().__init__(site_type(site), site, None, opts)
        self._plan = plan
        self._secrets = secrets
        self._former = former_by_kind(plan)
        self._needs: dict[tuple[str, str, str], pulumi.Resource] = {}
        self._ours: list[Resource] = []
        self.hosts = {name: self._host(name) for name in plan.hosts}
        self._physical_functions()
        self._pools()
        self._networks()
        self._images()
        self.guests: dict[str, Guest] = {}
        for name in start_order({name: guest.start_after for name, guest in plan.guests.items()}):
            self.guests[name] = self._guest(plan.guests[name])
        self.outputs = self._outputs()
        self.register_outputs(self.outputs)

    def _options(
        self,
        provider: pulumi.ProviderResource | None = None,
        depends_on: Sequence[pulumi.Resource] = (),
        former: str | None = None,
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=self,
            provider=provider,
            depends_on=list(depends_on) or None,
            aliases=[pulumi.Alias(name=former)] if former else None,
        )

    def _host(self, name: str) -> Host:
        host = self._plan.hosts[name]
        values = inputs.host_inputs(self._plan.identity, host, render.host_document(host))
        return self._mine(Host(name, values, self._options()))

    def _physical_functions(self) -> None:
        for host in self._plan.hosts.values():
            for name in host.host.physical_functions:
                document = render.physical_function_document(host, name)
                networks = {
                    plan: render.vf_network_document(plan)
                    for plan in self._plan.vf_networks
                    if (plan.host, plan.physical_function) == (host.name, name)
                }
                texts = {plan.name: text for plan, text in networks.items()}
                values = inputs.physical_function_inputs(self._plan, host, document, texts)
                parts = (host.name, name)
                former = self._former["physical function"].get(parts)
                options = self._options(depends_on=[self.hosts[host.name]], former=former)
                function = self._mine(PhysicalFunction(resource_name(*parts), values, options))
                for plan, text in networks.items():
                    self._vf_network(plan, text, function)

    def _vf_network(self, plan: VfNetworkPlan, text: str, function: PhysicalFunction) -> None:
        values = inputs.vf_network_inputs(self._plan, plan, text)
        parts = (plan.host, plan.name)
        former = self._former["vf network"].get(parts)
        options = self._options(depends_on=[function], former=former)
        resource = self._mine(VfNetwork(resource_name(*parts), values, options))
        self._needs["network", plan.host, plan.name] = resource

    def _pools(self) -> None:
        providers: dict[str, pulumi.ProviderResource] = {}
        for pool in self._plan.pools:
            if pool.existing:
                continue
            host = self.hosts[pool.host]
            if pool.host not in providers:
                maintenance = self._plan.hosts[pool.host].host.maintenance
                providers[pool.host] = libvirt.provider(
                    pool.host, host.libvirt_uri, maintenance, self._options()
                )
            former = self._former["pool"].get((pool.host, pool.name))
            options = self._options(providers[pool.host], [host], former)
            self._needs["pool", pool.host, pool.name] = libvirt.pool(pool, options)

    def _networks(self) -> None:
        for plan in self._plan.networks:
            if plan.existing:
                continue
            document = render.network_document(plan)
            host = self._plan.hosts[plan.host]
            values = inputs.network_inputs(self._plan.identity, host, plan, document)
            parts = (plan.host, plan.name)
            former = self._former["network"].get(parts)
            options = self._options(depends_on=[self.hosts[plan.host]], former=former)
            resource = self._mine(Network(resource_name(*parts), values, options))
            self._needs["network", plan.host, plan.name] = resource

    def _images(self) -> None:
        for image in self._plan.images:
            values = inputs.image_inputs(self._plan.hosts[image.host], image)
            pool = self._needs.get(("pool", image.host, image.pool), self.hosts[image.host])
            parts = (image.host, image.pool, image.name)
            former = self._former["image"].get(parts)
            options = self._options(depends_on=[pool], former=former)
            resource = self._mine(Image(resource_name(*parts), values, options))
            self._needs["image", image.host, image.path] = resource

    def _guest(self, plan: GuestPlan) -> Guest:
        keys = [("pool", plan.host, disk.pool) for disk in plan.disks]
        keys += [("image", plan.host, disk.image.path) for disk in plan.disks if disk.image]
        keys += [("network", plan.host, nic.network) for nic in plan.nics]
        needs = [self._needs[key] for key in dict.fromkeys(keys) if key in self._needs]
        needs += [self.guests[name] for name in plan.start_after]
        values = inputs.guest_inputs(self._plan.hosts[plan.host], plan, render.guest_document(plan))
        values["secrets"] = {name: self._secrets[name] for name in plan.secrets}
        options = self._options(depends_on=[self.hosts[plan.host], *needs])
        return self._mine(Guest(plan.name, values, options))

    def _mine(self, resource: Ours) -> Ours:
        self._ours.append(resource)
        return resource

    def _outputs(self) -> dict[str, pulumi.Output[Any]]:
        made = self._told().apply(lambda answers: _told_outputs(self._plan, answers))
        return {name: made[name] for name in _OUTPUTS}

    def _told(self) -> pulumi.Output[Told]:
        """What all guests told, by name, as one output.

        Not by `Output.all`: it makes several outputs for each guest, and at its end the SDK
        waits for all that are left again and again, so that the time grows with their square.
        """
        guests, ours = self.guests, self._ours

        async def values() -> dict[str, Any]:
            if pulumi.runtime.is_dry_run():
                await self._sum_up()
            refused = [line for item in ours for line in await _refused(item)]
            if refused:
                fail("\n".join(refused), RefusedError.exit_code)
            return {
                name: (await guest.addresses.future(), await guest.ssh_host_keys.future())
                for name, guest in guests.items()
            }

        async def known() -> bool:
            items = [item for g in guests.values() for item in (g.addresses, g.ssh_host_keys)]
            return all([await item.is_known() for item in items])

        answers, all_known = asyncio.ensure_future(values()), asyncio.ensure_future(known())
        return pulumi.Output(set(guests.values()), answers, all_known)

    async def _sum_up(self) -> None:
        changes = {
            name: await guest.changes.future() or ()
            for name, guest in self.guests.items()
            if await guest.changes.is_known()
        }
        if line := summary(changes):
            pulumi.log.info(visible(line))


async def _refused(resource: Resource) -> Sequence[str]:
    """What a preview says that `up` would refuse. Here, since the engine ends at the first error
    of a resource and does not look at the others."""
    return (await resource.refused.future() or ()) if await resource.refused.is_known() else ()


_OUTPUTS = ("guests", "ssh_config", "ansible_inventory", "testinfra_hosts")


def _address(guest: GuestPlan, addresses: Mapping[str, Sequence[str]]) -> str:
    """The declared address, else the first one that the guest told, in the order of its NICs."""
    found = [a for nic in guest.nics for a in addresses.get(nic.name, ())]
    return guest.address or next(iter(found), "")


def _guests(plan: Plan, answers: Told) -> dict[str, Any]:
    """What guests told, parsed once more: it may come from a state of an older version."""

    def one(guest: GuestPlan, addresses: Any, ssh_host_keys: Any) -> dict[str, Any]:
        known = told.addresses(addresses or {})
        return {
            "host": guest.host,
            "address": _address(guest, known),
            "addresses": known,
            "ssh_host_keys": told.host_keys(ssh_host_keys or []),
        }

    return {name: one(guest, *answers[name]) for name, guest in plan.guests.items()}


def _told_outputs(plan: Plan, answers: Told) -> dict[str, Any]:
    guests = _guests(plan, answers)
    machines = render.machines(
        plan,
        {name: guest["address"] for name, guest in guests.items()},
        {name: guest["ssh_host_keys"] for name, guest in guests.items()},
    )
    return {
        "guests": guests,
        "ssh_config": render.ssh_config(plan.identity.mark, machines),
        "ansible_inventory": render.ansible_inventory(machines),
        "testinfra_hosts": render.testinfra_hosts(machines),
    }
