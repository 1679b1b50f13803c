"""Rows of the mutation table: cards, their virtual functions, and the guests that have them."""

from __future__ import annotations

from typing import Any

from checks_case import GONE, site_plan

from guesthouse.facts.guest import DomainNic

# Check, the place of one fact, what is there instead.
Row = tuple[str, tuple[str, ...], Any]

H1, FAST = ("hosts", "h1"), "h1: hosts.h1.physical_functions.fast"
FIRST = (*H1, "cards", "0")
NETWORK = (*H1, "hypervisor", "networks", "vfs")
DOMAIN = (*H1, "hypervisor", "domains", "web")
VF0 = site_plan().guests["web"].nics[-1].mac
# The first guest has the first one that is not fixed.
HELD = (*FIRST, "vfs", 1)

CARD: tuple[Row, ...] = (
    (FAST, (*H1, "cards"), ()),
    (FAST, (*FIRST, "driver"), "e1000e"),
    (f"{FAST} capability", (*FIRST, "total"), 1),
    (f"{FAST} iommu_group", (*FIRST, "iommu_group"), ""),
    (f"{FAST} link", (*FIRST, "has_link"), False),
    (f"{FAST}.virtual_functions", (*FIRST, "vfs"), {}),
    *(
        (f"{FAST}.vf.{number}.{name}", (*FIRST, "vfs", number, name), to)
        for number, name, to in (
            (0, "mac", "52:54:00:00:00:98"),
            (0, "vlan", 43),
            (0, "qos", 0),
            *((n, "iommu_group", "0") for n in range(3)),
            *((n, "spoof_check", False) for n in range(3)),
            *((n, "trust", True) for n in range(3)),
            *((n, "link_state", "disable") for n in range(3)),
            *((n, "max_tx_mbps", 0) for n in range(3)),
            *((n, "min_tx_mbps", 0) for n in range(3)),
        )
    ),
    *(
        (f"h1: networks.vfs{suffix}", (*NETWORK, *path), to)
        for suffix, path, to in (
            ("", (), GONE),
            ("", ("uuid",), "somebody-elses"),
            (".kind", ("kind",), "nat"),
            (" active", ("active",), False),
            (" autostart", ("autostart",), False),
            # One less, one that is fixed, one of another card.
            (".physical_function", ("vfs",), ("0000:00:10.1",)),
            (".physical_function", ("vfs",), ("0000:00:10.0", "0000:00:10.1", "0000:00:10.2")),
            (".physical_function", ("vfs",), ("0000:00:10.1", "0000:05:10.2")),
        )
    ),
)
VIRTUAL_FUNCTION: tuple[Row, ...] = (
    *(
        (f"h1: guests.web.nics.vf0{suffix}", (*DOMAIN, side, "nics", VF0, *path), to)
        for side in ("config", "live")
        for suffix, path, to in ((".mac", (), GONE), (".vlan", ("vlan",), 42))
    ),
    (
        "h1: guests.web.nics.vf0.network",
        (*DOMAIN, "config", "nics", VF0),
        DomainNic("bridge", "br7", "vnet0", vlan=43),
    ),
    *(
        ("h1: guests.web.nics.vf0.network VF", (*DOMAIN, "live", "nics", VF0, "pci_address"), to)
        # None, the fixed one, one of another card.
        for to in ("", "0000:00:10.0", "0000:05:10.1")
    ),
    ("h1: guests.web.nics.vf0.network driver", (*HELD, "driver"), "igbvf"),
    ("h1: guests.web.nics.vf0.mac card", (*HELD, "mac"), "52:54:00:11:11:11"),
    ("h1: guests.web.nics.vf0.vlan card", (*HELD, "vlan"), 0),
    ("web: guests.web.nics.vf0 inside", ("guests", "web", "nics", VF0, "name"), "eth3"),
    ("web: guests.web.nics.vf0 inside", ("guests", "web", "nics", VF0), GONE),
    ("web: guests.web.nics.vf0 driver", ("guests", "web", "nics", VF0, "driver"), "virtio_net"),
    ("web: guests.web.nics.vf0 driver", ("guests", "web", "nics", VF0, "driver"), ""),
    ("web: guests.web.nics.vf0.address", ("guests", "web", "nics", VF0, "addresses"), ()),
    ("web: guests.web.nics.vf0 to db", ("guests", "web", "reached"), frozenset()),
    ("db: guests.db.nics.vf0 to web", ("guests", "db", "reached"), frozenset({"10.6.0.13"})),
)
