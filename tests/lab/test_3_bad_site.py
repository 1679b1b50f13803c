"""A site file broken in ten ways: ten located messages, and nothing is touched."""

from __future__ import annotations

import re

from lab_project import LabProject

from guesthouse.lab.host import CONTAINER

KIND = CONTAINER

# Each slip: a text of stacks/lab.site.yaml, what somebody typed instead, what the message names.
SLIPS = (
    ("memory_mib: 2048", "memory_mib: two", "hosts.h1.memory_mib"),
    ("nic: enp0s4", "nick: enp0s4", "hosts.h1.bridges.br0.nick"),
    ("kind: dir", "kind: directory", "pools.guests.kind"),
    ("subnet: 10.77.0.0/24", "subnet: 10.77.0.1/24", "networks.nat.subnet"),
    ("vcpus_max: 4", "vcpus_max: 0", "guests.web.vcpus_max"),
    ("data: {pool: guests,", "data: {pool: gests,", "guests.web.disks.data.pool"),
    (
        "lan0: {network: lan, address: 10.90.0.11/24}",
        "lan0: {network: lna}",
        "guests.web.nics.lan0",
    ),
    ("shell: /bin/bash", "shel: /bin/bash", "guests.web.cloud_init.users.admin.shel"),
    ("image: small", "image: smal", "guests.db.disks.root.image"),
    ("address: 10.90.0.12/24", "address: 10.90.0.1/24", "guests.db.nics.lan0.address"),
)
# All but the contents of the guests' own disks, which running guests write to.
TOUCHED = (
    "virsh list --all; cd /srv/guests; stat -c '%n %i %a %U %G' *; ls -l --time-style=full-iso "
    "debian13-*.qcow2 small-*.qcow2 *.iso /var/lib/guesthouse"
)


def test_ten_slips_give_ten_located_messages(deployed: LabProject) -> None:
    good = deployed.site
    text = good.read_text()
    for old, new, _ in SLIPS:
        assert text.count(old) >= 1
        text = text.replace(old, new, 1)
    whole = good.read_text()
    before = deployed.host(TOUCHED)
    try:
        good.write_text(text)
        for argv in (("check", str(good)), ("preview", "lab"), ("up", "lab", "--yes")):
            result = deployed.run(*argv)
            said = result.stdout + result.stderr
            assert result.returncode == 2
            assert "Traceback" not in said
            places = re.findall(r"lab\.site\.yaml:\d+:\d+ (\S+):", said)
            for _, _, path in SLIPS:
                assert any(place.startswith(path) for place in places), (path, said)
            assert len(places) == 10, said
    finally:
        good.write_text(whole)
    after = deployed.host(TOUCHED)
    assert after == before
