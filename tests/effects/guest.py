"""The guest that the rows are done to: made on the lab's p1, asked from inside, removed."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from effects.edits import Edit
from guesthouse.cli.project import Project
from guesthouse.cli.stack import read_site
from guesthouse.components import inputs as values
from guesthouse.effects.units import parse, serialise
from guesthouse.machine import guest_agent
from guesthouse.machine.connections import Connections
from guesthouse.model import Guest
from guesthouse.placement import plan
from guesthouse.provider.guest import GuestResource
from guesthouse.provider.resource import Call
from guesthouse.render import guest_document

GUEST = {
    "host": "p1",
    "vcpus": 1,
    "vcpus_max": 4,
    "memory_mib": 256,
    "memory_max_mib": 1024,
    "timeout_s": 600,
    "shutdown_timeout_s": 120,
    "disks": {
        "root": {"pool": "guests", "image": "small-emulated", "size_gib": 1},
        "data": {"pool": "guests", "size_gib": 1},
    },
    "nics": {"lan0": {"network": "lan", "address": "10.90.0.77/24"}, "nat0": {"network": "nat"}},
    "cloud_init": {"users": {"admin": {"sudo": True}}},
}
# A guest without a login counts as made at its first sign of life; its agent comes later.
AGENT_S = 180
ALL = ["link_loss", "restart", "replace", "destroys_data"]
# Written at the disk's end, where no file system of a test looks; what it holds must stay.
_PROBE = """\
echo boot=$(cat /proc/sys/kernel/random/boot_id)
echo vcpus=$(nproc)
echo memory_kib=$(awk '/^MemTotal/ {print $2}' /proc/meminfo)
echo lan0_losses=$(cat /sys/class/net/lan0/carrier_down_count)
echo nics=$(grep -l "^0x0200" /sys/bus/pci/devices/*/class | wc -l)
echo nat0_carrier=$(cat /sys/class/net/nat0/carrier 2>/dev/null)
echo seed=$(cat /etc/seed-says 2>/dev/null)
echo host_keys=$(cat /etc/ssh/ssh_host_*_key.pub 2>/dev/null | sha256sum)
echo more=; echo spare=
for block in /sys/block/vd*; do
  case $(cat $block/serial) in
    data)
      echo data_bytes=$(( $(cat $block/size) * 512 ))
      if [ "$1" = mark ]; then
        head -c 65536 /dev/urandom | dd of=/dev/${block##*/} bs=64k conv=fsync 2>/dev/null
      fi
      echo data=$(dd if=/dev/${block##*/} bs=64k count=1 iflag=direct 2>/dev/null | sha256sum) ;;
    more) echo more=there ;;
  esac
done
for nic in /sys/class/net/*; do
  if [ "$(cat $nic/address)" = 52:54:00:00:77:01 ]; then echo spare=there; fi
done
"""


class RowsGuest:
    """A real guest, changed by the provider's own resource."""

    def __init__(self, resource: GuestResource, inputs: dict[str, Any]) -> None:
        self.resource = resource
        self.base = inputs
        self.said: list[str] = []
        self.key, self.state = resource.create(self._call(), inputs)

    def _call(self) -> Call:
        return Call("urn", self.said.append)

    def wanted(self, *edits: Edit) -> dict[str, Any]:
        """The base, edited."""
        inputs = copy.deepcopy(self.base)
        root = parse(inputs["domain_xml"])
        for edit in edits:
            edit(root, inputs)
        return {**inputs, "domain_xml": serialise(root)}

    def seen(self) -> dict[str, Any]:
        """The state as the machine has it."""
        found = self.resource.read(self.key, self.state)
        assert found is not None
        return found

    def update(self, inputs: dict[str, Any], allow: list[str]) -> None:
        """As `up` does it."""
        self.state = self.resource.update(
            self._call(), self.key, self.state, {**inputs, "allow": allow}
        )

    def told(self, mark: bool = False) -> dict[str, str]:
        """What the guest says of itself, through its agent."""
        domain = self.resource.host(self.base).libvirt.lookupByUUIDString(self.key)
        argv = ["/bin/sh", "-c", _PROBE, "sh", "mark" if mark else ""]
        deadline = time.monotonic() + AGENT_S
        while (answer := guest_agent.run(domain, argv)) is None and time.monotonic() < deadline:
            time.sleep(2)
        assert answer is not None and answer[0] == 0, answer
        lines = (line.partition("=") for line in answer[1].splitlines())
        return {key: value for key, _, value in lines}

    def delete(self) -> None:
        """Take it away with all that it has."""
        self.resource.delete(self._call(), self.key, self.state)


@contextmanager
def rows_guest(project: Project) -> Iterator[RowsGuest]:
    """The guest, on p1 of the project's lab; gone afterwards."""
    site = read_site(project.site_file("lab")).model_copy(
        update={"site": "rows-51c0", "guests": {"rows": Guest.model_validate(GUEST)}}
    )
    planned = plan(site, project.name, "rows")
    guest = planned.guests["rows"]
    inputs = values.guest_inputs(planned.hosts["p1"], guest, guest_document(guest))
    connections = Connections()
    made = RowsGuest(GuestResource(connections), {**inputs, "secrets": {}})
    try:
        yield made
    finally:
        made.delete()
        connections.close()


def lab_project(folder: Path) -> Project:
    """The project whose lab is up."""
    return Project.find(folder)
