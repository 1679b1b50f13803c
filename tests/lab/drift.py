"""Changes that somebody makes by hand to the lab's guests: how, and what the preview must say.

All are made together; what heals itself or hides another one is not in the table.
"""

from __future__ import annotations

from dataclasses import dataclass

from mutations import EDIT


@dataclass(frozen=True)
class Drift:
    """``command`` runs on the host; ``said`` is the change back, in the preview's words."""

    guest: str
    command: str
    said: str

    def is_said(self, told: str) -> bool:
        """Whether the preview says it of this guest."""
        start = f"{self.guest}: "
        return any(
            self.said in line for line in told.splitlines() if line.strip().startswith(start)
        )


def _edited(guest: str, expression: str, said: str) -> Drift:
    return Drift(guest, EDIT.format(name=guest, sed=f'sed "{expression}"'), said)


_NAT0 = "$(virsh -q domiflist web | awk '$3 == \"nat\" {print $5}')"
_LAN0 = "$(virsh -q domiflist near | awk '$3 == \"br0\" {print $5}')"
EXTRA = "/srv/guests/by-hand.raw"

# Edits of the stored definition first: `virsh define` would take later ones back.
DRIFTS = (
    _edited("web", "s/1048576</2097152</", "memory_max 2048 -> 1024 MiB (none)"),
    _edited(
        "web",
        "s/mode='maximum'/mode='host-model'/",
        "cpu host-model -> maximum (none)",
    ),
    _edited("web", "s/offset='utc'/offset='localtime'/", "clock@offset localtime -> utc (none)"),
    _edited("web", "s/<on_crash>restart/<on_crash>destroy/", "on_crash destroy -> restart (none)"),
    _edited(
        "web", "s/discard='unmap'/discard='ignore'/", "disk root discard ignore -> unmap (none)"
    ),
    _edited("web", "/<rng /,/<.rng>/d", "rng added (none)"),
    _edited("web", "s,</devices>,<sound model='ich9'/></devices>,", "sound removed (none)"),
    _edited("web", "s,<apic/>,<apic/><hap state='off'/>,", "features/hap@state off -> none (none)"),
    _edited("db", "s,<serial>root</serial>,<serial>boot</serial>,", "disk root added (none)"),
    _edited(
        "db", "s/<source bridge='br0'/<source bridge='br1'/", "NIC lan0 network br1 -> br0 (none)"
    ),
    Drift("web", "virsh -q setvcpus web 2 --config", "vcpus 2 -> 1 (none)"),
    Drift("web", "virsh -q setmem web 448M --live", "memory 448 -> 512 MiB (live)"),
    Drift(
        "web",
        "virsh -q desc web --live 'by hand'",
        "description by hand -> A Debian guest with cloud-init and agent (live)",
    ),
    Drift(
        "web", "virsh -q desc web --title --live --config 'by hand'", "title by hand -> none (live)"
    ),
    Drift("web", "virsh -q autostart --disable web", "autostart off -> on (live)"),
    Drift("web", "virsh -q vcpupin web 0 1 --live", "cpu pins 0 -> none (live)"),
    Drift(
        "web",
        "virsh -q blkdeviotune web vdb --total-iops-sec 900 --live",
        "disk data operations limit 900 /s -> none (live)",
    ),
    Drift(
        "web",
        "virsh -q blkdeviotune web vda --total-bytes-sec 104857600 --live --config",
        "disk root limit 100 MiB/s -> none (live)",
    ),
    Drift("web", f"virsh -q domif-setlink web {_NAT0} down", "NIC nat0 link down -> none (live)"),
    Drift(
        "web",
        "virsh -q attach-interface web network nat --model virtio --mac 52:54:00:00:00:98 --live",
        "NIC 52:54:00:00:00:98 removed (live)",
    ),
    Drift(
        "web",
        f"qemu-img create -q -f raw {EXTRA} 8M && "
        f"virsh -q attach-disk web {EXTRA} vdy --live --config",
        "disk vdy removed (live)",
    ),
    Drift(
        "db",
        "virsh -q dommemstat db --period 5 --config",
        "memory statistics period 5 -> 10 (none)",
    ),
    Drift("db", "rm /srv/guests/db.seed.iso", "cloud_init seed added"),
    Drift("db", "virsh -q suspend db", "power paused -> running (live)"),
)
# What needs cgroups of the host's own, or a kernel with policing of packets.
PAIR_DRIFTS = (
    Drift(
        "near",
        f"virsh -q domiftune near {_LAN0} --inbound 12500 --live",
        "NIC lan0 receive limit 100 Mbit/s -> none (live)",
    ),
    Drift(
        "near",
        "virsh -q schedinfo near --set cpu_shares=200 --live",
        "cpu shares 200 -> none (live)",
    ),
    Drift(
        "near",
        "virsh -q schedinfo near --set global_quota=50000 --config",
        "cpu limit 50 % -> none (none)",
    ),
    Drift(
        "near",
        "virsh -q memtune near --hard-limit 2G --live --config",
        "memory hard limit 2048 MiB -> none (live)",
    ),
    Drift(
        "near",
        f"virsh -q domiftune near {_LAN0} --outbound 125000 --live",
        "NIC lan0 send limit 1000 Mbit/s -> none (live)",
    ),
)
