"""Checks of storage: libvirt's answer, pools, images in pools."""

from __future__ import annotations

from collections.abc import Iterator

from guesthouse.checks.check import Check, Ground, Seen, SiteFacts, Unanswered, equal, need, repair
from guesthouse.checks.host import reach_id
from guesthouse.facts.storage import PoolFact, VolumeFact
from guesthouse.facts.together import NotAnswered
from guesthouse.placement import ImagePlan, Plan, PoolPlan


def libvirt_id(host: str) -> str:
    """The check that everything in libvirt needs."""
    return f"{host}: hosts.{host} libvirt"


def libvirt_check(host: str) -> Check:
    """libvirt itself answers; only asked where pools, networks or guests are declared."""

    def look(facts: SiteFacts) -> Seen:
        found = facts.host(host).hypervisor
        if isinstance(found, NotAnswered):
            return Seen(False, found.reason)
        return Seen(True, "it answers")

    ground = Ground(host, f"hosts.{host}", "look at it: systemctl status libvirtd.service")
    return ground.check(
        "", "libvirt answers", "it answers", look, aspect="libvirt", needs=(reach_id(host),)
    )


def pool_checks(plan: Plan, pool: PoolPlan) -> Iterator[Check]:
    """Every check of one pool on one host. An existing pool's autostart is its owner's matter."""
    remedy = repair(plan)
    if pool.existing:
        remedy = "it is declared as existing: make or start it on the host"
    base = f"pools.{pool.name}"
    ground = Ground(pool.host, base, remedy, (libvirt_id(pool.host),))

    def fact(facts: SiteFacts) -> PoolFact | None:
        found = need(facts.host(pool.host).hypervisor).pools.get(pool.name)
        return need(found) if found else None

    def there(facts: SiteFacts) -> Seen:
        return equal(True, fact(facts) is not None)

    yield ground.check("", "pool is defined", True, there)
    needs = (ground.id(""),)

    def attribute(path: str, what: str, wanted: object, aspect: str = "") -> Check:
        def look(facts: SiteFacts) -> Seen:
            return equal(wanted, getattr(fact(facts), aspect or path))

        return ground.check(path, what, wanted, look, aspect=aspect, needs=needs)

    yield attribute("kind", "pool has its kind", pool.kind)
    yield attribute("path", "pool has its folder", pool.path)
    yield attribute("", "pool runs", True, "running")
    if not pool.existing:
        yield attribute("", "pool starts at boot", True, "autostart")


def image_checks(plan: Plan, image: ImagePlan, deep: bool) -> Iterator[Check]:
    """An image's volume is in its pool; its name holds the digest, ``deep`` reads every byte."""
    remedy = repair(plan)
    ground = Ground(image.host, f"images.{image.name}", remedy, (reach_id(image.host),))
    aspect = f"in pool {image.pool}"

    def fact(facts: SiteFacts) -> VolumeFact | None:
        return need(facts.host(image.host).volumes).get(image.path)

    def there(facts: SiteFacts) -> Seen:
        found = fact(facts) is not None
        return Seen(found, f"{image.path}" if found else f"no file {image.path}")

    def digest(facts: SiteFacts) -> Seen:
        seen = need(facts.host(image.host).digests).get(image.path)
        return equal(image.sha256, seen) if seen else Seen(False, f"no file {image.path}")

    def format_(facts: SiteFacts) -> Seen:
        found = fact(facts)
        if found is None:
            raise Unanswered(f"failed: {ground.id('sha256', aspect)}")
        return equal(image.format, found.format)

    what = "image has its digest" if deep else "image is in the pool under its digest"
    wanted = image.sha256 if deep else image.path
    yield ground.check("sha256", what, wanted, digest if deep else there, aspect=aspect)
    yield ground.check("format", "image has its format", image.format, format_, aspect=aspect)
