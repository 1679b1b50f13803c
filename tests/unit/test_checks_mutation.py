"""Every declared attribute has one check: break its fact, and exactly that check fails."""

from __future__ import annotations

from typing import Any

import pytest
from checks_card_rows import CARD, VIRTUAL_FUNCTION, Row
from checks_case import GONE, as_declared, changed, site_plan
from device_case import rows as device_rows

from guesthouse.checks import Finding, green
from guesthouse.checks.check import SiteFacts, judge
from guesthouse.checks.compile import checks
from guesthouse.facts.guest import DomainDisk, DomainNic
from guesthouse.facts.host import VlanFact
from guesthouse.facts.inside import CloudInitFact
from guesthouse.facts.together import NotAnswered

PLAN = site_plan()
CHECKS = checks(PLAN)
H1, WEB, DB = ("hosts", "h1"), ("guests", "web"), ("guests", "db")
LIBVIRT = (*H1, "hypervisor")
DOMAIN = (*LIBVIRT, "domains", "web")
LAN0, NAT0, OFF0, _ = (nic.mac for nic in PLAN.guests["web"].nics)
OWN0 = PLAN.guests["db"].nics[0].mac
IMAGE, ACC = PLAN.images[0].path, "acceleration"
WEB_USERS, DB_USERS = (*WEB, "users"), (*DB, "users")

HOST: tuple[Row, ...] = (
    ("h1: hosts.h1.address", H1, "Connection refused"),
    ("h1: hosts.h1.memory_mib", (*H1, "size", "memory_total_mib"), 2000),
    ("h1: hosts.h1.vcpus", (*H1, "size", "vcpus"), 2),
    ("h1: hosts.h1.packages.ethtool", (*H1, "packages"), frozenset()),
    *(
        (f"h1: hosts.h1.services.{unit}.{kind}", (*H1, "services", unit, kind), to)
        for unit, to in (("libvirtd.service", False), ("cups.service", True))
        for kind in ("enabled", "running")
    ),
    ("h1: hosts.h1.files./etc/motd.content", (*H1, "files", "/etc/motd", "content"), "one\n2\n"),
    ("h1: hosts.h1.files./etc/motd.content", (*H1, "files", "/etc/motd"), GONE),
    ("h1: hosts.h1.files./etc/motd.mode", (*H1, "files", "/etc/motd", "mode"), "0644"),
    ("h1: hosts.h1.files./etc/motd.owner", (*H1, "files", "/etc/motd", "owner"), "lp"),
    ("h1: hosts.h1.files./etc/motd.group", (*H1, "files", "/etc/motd", "group"), "root"),
    ("h1: hosts.h1.bridges.br0", (*H1, "bridges", "br0"), GONE),
    ("h1: hosts.h1.bridges.br0", (*H1, "bridges", "br0", "up"), False),
    ("h1: hosts.h1.bridges.br0.nic", (*H1, "bridges", "br0", "members"), ("vnet0",)),
    ("h1: hosts.h1.bridges.br0.address", (*H1, "bridges", "br0", "addresses"), ()),
    ("h1: hosts.h1.bridges.br1", (*H1, "bridges", "br1"), GONE),
    ("h1: hosts.h1.bridges.br1.nic", (*H1, "bridges", "br1", "vlans"), {}),
    ("h1: hosts.h1.bridges.br1.address", (*H1, "bridges", "br1", "addresses"), ("10.9.1.1/24",)),
    *(
        ("h1: hosts.h1.bridges.br1.vlan", (*H1, "bridges", "br1", "vlans"), to)
        for to in (
            {"eth1.43": VlanFact("eth1", 43)},
            {"eth1.42": VlanFact("eth1", 42), "eth1.43": VlanFact("eth1", 43)},
        )
    ),
    ("h1: hosts.h1.bridges.br1.vlan", (*H1, "bridges", "br1", "members"), ("eth1", "eth1.42")),
    ("h1: networks.office.bridge", (*H1, "bridges", "br9"), GONE),
    ("h1: hosts.h1 libvirt", LIBVIRT, NotAnswered("failed to connect")),
    *(
        (f"h1: pools.{name}{suffix}", (*LIBVIRT, "pools", name, *path), to)
        for name in ("guests", "old")
        for suffix, path, to in (
            ("", (), GONE),
            (".kind", ("kind",), "fs"),
            (".path", ("path",), "/srv"),
            (" running", ("running",), False),
        )
    ),
    ("h1: pools.guests autostart", (*LIBVIRT, "pools", "guests", "autostart"), False),
    ("h1: images.debian.sha256 in pool guests", (*H1, "volumes", IMAGE), GONE),
    ("h1: images.debian.format in pool guests", (*H1, "volumes", IMAGE, "format"), "raw"),
    *(
        (f"h1: networks.{name}{suffix}", (*LIBVIRT, "networks", name, *path), to)
        for name in ("nat", "theirs")
        for suffix, path, to in (
            ("", (), GONE),
            (".kind", ("kind",), "routed"),
            (".subnet", ("addresses",), ("10.7.1.1/24",)),
            (".dhcp", ("dhcp",), name != "nat"),
            (" active", ("active",), False),
        )
    ),
    (
        "h1: networks.nat.dhcp_range",
        (*LIBVIRT, "networks", "nat", "dhcp_ranges"),
        ("10.7.0.2-10.7.0.9",),
    ),
    ("h1: networks.nat autostart", (*LIBVIRT, "networks", "nat", "autostart"), False),
    ("h1: networks.nat bridge", (*LIBVIRT, "networks", "nat", "bridge"), "virbr0"),
)
GUEST: tuple[Row, ...] = (
    ("h1: guests.web.host", DOMAIN, GONE),
    ("h1: guests.web.host", (*DOMAIN, "uuid"), "somebody-elses"),
    ("h1: guests.web running", (*DOMAIN, "state"), "paused"),
    ("h1: guests.web.autostart", (*DOMAIN, "autostart"), False),
    *(
        (f"h1: guests.web.{name}", (*DOMAIN, side, name), to)
        for side in ("config", "live")
        for name, to in (
            ("vcpus", 4),
            ("vcpus_max", 2),
            ("memory_mib", 400),
            ("memory_max_mib", 2048),
            ("machine", "pc-i440fx-10.0"),
            ("firmware", "uefi"),
            ("description", "the second"),
            ("on_crash", "destroy"),
            ("watchdog", "pause"),
            ("panic_device", False),
            ("cpu_shares", 200),
            ("cpu_limit_percent", 50),
        )
    ),
    (
        "h1: guests.db.machine",
        (*H1, "hypervisor", "domains", "db", "config", "machine"),
        "pc-q35-10.0",
    ),
    ("h1: guests.web.cpu", (*DOMAIN, "config", "cpu"), "host-passthrough"),
    *(
        (
            f"h1: hosts.h1.acceleration of guest {name}",
            (*LIBVIRT, "domains", name, side, ACC),
            "tcg",
        )
        for name in ("web", "db")
        for side in ("config", "live")
    ),
    *(
        (f"h1: guests.web.disks.{name}", (*DOMAIN, "live", "disks", target), to)
        for name, target in (("root", "vda"), ("data", "vdb"))
        for to in (GONE, DomainDisk("disk", "/srv/other.qcow2", name))
    ),
    *(
        (f"h1: guests.web.disks.{name}.{limit}", (*DOMAIN, side, "disks", target, field), 1 << 20)
        for name, target in (("root", "vda"), ("data", "vdb"))
        for side in ("config", "live")
        for limit, field in (("max_iops", "max_iops"), ("max_mib_per_s", "max_bytes_per_s"))
    ),
    *(
        (f"h1: guests.web.disks.{name} policy", (*DOMAIN, side, "disks", target, field), "odd")
        for name, target in (("root", "vda"), ("data", "vdb"))
        for side in ("config", "live")
        for field in ("cache", "io", "discard")
    ),
    (
        "h1: guests.web.disks.data.allocation",
        (*H1, "volumes", PLAN.guests["web"].disks[1].path, "used_bytes"),
        7,
    ),
    ("h1: guests.web.disks", (*DOMAIN, "live", "disks", "vdy"), DomainDisk("disk", "/x", "")),
    *(
        (f"h1: guests.web.disks.{disk.name}.{name}", (*H1, "volumes", disk.path, *path), to)
        for disk in PLAN.guests["web"].disks
        for name, path, to in (
            ("size_gib", (), GONE),
            ("size_gib", ("size_bytes",), 3 << 30),
            ("image", ("backing_path",), "/srv/other.qcow2"),
        )
    ),
    *(
        (f"h1: guests.web.nics.{nic}{suffix}", (*DOMAIN, side, "nics", mac), to)
        for nic, mac in (("lan0", LAN0), ("nat0", NAT0), ("off0", OFF0))
        for side in ("config", "live")
        for suffix, to in ((".mac", GONE), (".network", DomainNic("bridge", "br7", "vnet0")))
    ),
    *(
        (f"h1: guests.web.nics.{nic}.{limit}", (*DOMAIN, side, "nics", mac, field), 125)
        for nic, mac in (("lan0", LAN0), ("nat0", NAT0), ("off0", OFF0))
        for side in ("config", "live")
        for limit, field in (("max_rx_mbps", "max_rx_kb_per_s"), ("max_tx_mbps", "max_tx_kb_per_s"))
    ),
    ("h1: guests.web.nics", (*DOMAIN, "live", "nics", "52:00:00:00:00:09"), DomainNic("", "", "")),
    ("h1: guests.web.cloud_init seed", (*DOMAIN, "config", "disks", "vdz"), GONE),
    (
        "h1: guests.web.cloud_init seed",
        (*DOMAIN, "config", "disks", "vdz"),
        DomainDisk("disk", "/srv/other.iso", ""),
    ),
)
INSIDE: tuple[Row, ...] = (
    ("web: guests.web ssh", WEB, "Connection timed out"),
    ("web: guests.web.cloud_init finished", (*WEB, "cloud_init"), CloudInitFact(False, ())),
    ("web: guests.web.cloud_init finished", (*WEB, "cloud_init"), CloudInitFact(True, ("no",))),
    ("web: guests.web hostname", (*WEB, "system", "hostname"), "localhost"),
    ("web: guests.web machine-id", (*WEB, "system", "machine_id"), ""),
    ("db: guests.db machine-id", (*DB, "system", "machine_id"), "0" * 32),
    ("web: guests.web ssh host keys", (*WEB, "system", "host_keys"), ("ssh-ed25519 BBBB",)),
    ("db: guests.db ssh host keys", (*DB, "system", "host_keys"), ("ssh-ed25519 AAAA0",)),
    ("web: guests.web.vcpus inside", (*WEB, "system", "vcpus"), 1),
    ("web: guests.web.memory_mib inside", (*WEB, "system", "memory_mib"), 300),
    ("web: guests.web.memory_mib inside", (*WEB, "system", "memory_mib"), 1100),
    ("web: guests.web.firmware inside", (*WEB, "system", "firmware"), "uefi"),
    *(
        row
        for name in ("root", "data")
        for row in (
            (f"web: guests.web.disks.{name} inside", (*WEB, "system", "disks", name), GONE),
            (f"web: guests.web.disks.{name}.size_gib inside", (*WEB, "system", "disks", name), 7),
        )
    ),
    (
        "web: guests.web.disks.root.size_gib root file system",
        (*WEB, "system", "root_bytes"),
        2 << 30,
    ),
    *(
        (f"web: guests.web.nics.{nic} inside", (*WEB, "nics", mac, "name"), "eth0")
        for nic, mac in (("lan0", LAN0), ("nat0", NAT0), ("off0", OFF0))
    ),
    ("web: guests.web.nics.lan0 inside", (*WEB, "nics", LAN0), GONE),
    ("web: guests.web.nics.lan0.address", (*WEB, "nics", LAN0, "addresses"), ("10.9.0.12/24",)),
    ("web: guests.web.nics.nat0.address", (*WEB, "nics", NAT0, "addresses"), ("10.9.0.12/24",)),
    ("web: guests.web.nics.off0.address", (*WEB, "nics", OFF0, "addresses"), ()),
    ("web: guests.web.nics.lan0.gateway", (*WEB, "routing", "gateways"), {}),
    ("web: guests.web.nics.lan0.nameservers", (*WEB, "routing", "nameservers"), ("10.9.0.1",)),
    *(
        (f"web: guests.web.cloud_init.users.{user}{suffix}", (*WEB_USERS, user, *path), to)
        for user in ("admin", "guest")
        for suffix, path, to in (
            ("", (), GONE),
            (".shell", ("shell",), "/bin/false"),
            (".ssh_keys", ("keys",), ("ssh-ed25519 BBBB",)),
            (".sudo", ("sudo",), user != "admin"),
            (".password", ("password",), "empty"),
        )
    ),
    ("web: guests.web.cloud_init.packages.nginx", (*WEB, "packages"), frozenset()),
)
ROWS = (*HOST, *CARD, *GUEST, *VIRTUAL_FUNCTION, *device_rows(PLAN, GONE), *INSIDE)


def findings(facts: SiteFacts) -> dict[str, Finding]:
    return {finding.id: finding for finding in judge(CHECKS, facts)}


def test_machines_as_declared_are_green() -> None:
    found = findings(as_declared(PLAN))
    assert green(found.values())
    assert {finding.status for finding in found.values()} == {"passed"}


@pytest.mark.parametrize(("check_id", "path", "to"), ROWS, ids=[row[0] for row in ROWS])
def test_one_broken_attribute_fails_its_check_only(
    check_id: str, path: tuple[str, ...], to: Any
) -> None:
    found = findings(changed(as_declared(PLAN), path, to))
    assert [f.id for f in found.values() if f.status == "failed"] == [check_id]
    failed = found[check_id]
    assert failed.severity == "error"
    assert failed.seen and failed.wanted and failed.remedy
    assert failed.seen != failed.wanted
    assert failed.path in check_id


def test_every_check_is_in_the_table() -> None:
    """The second guest's checks are those of the first, made by the same code."""
    rows = {row[0] for row in ROWS}
    as_first = {"to web": "to db", "db: ": "web: ", "guests.db": "guests.web"}
    as_first |= {"nics.own0": "nics.lan0"}
    missing = []
    for check in CHECKS:
        id_ = check.id
        for second, first in as_first.items():
            id_ = id_.replace(second, first)
        if id_ not in rows:
            missing.append(check.id)
    assert missing == []
