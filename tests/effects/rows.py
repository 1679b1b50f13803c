"""Changes of a guest's document, one for each row of the table of effects.

Each row edits the canonical domain document (an lxml root) and says the effect that the table
must give. ``seen`` looks at what the guest itself told before and after (see ``guest``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from effects.edits import (
    GIB,
    Edit,
    Told,
    both,
    device,
    disk_size,
    drop,
    fewer_nics,
    given,
    grows,
    host_device,
    memory,
    more_disk,
    more_nics,
    no_data_disk,
    no_host_device,
    other_seed,
    put,
    put_in,
    told,
)
from guesthouse.effects import Effect


@dataclass(frozen=True)
class Row:
    """One change; ``about`` is the pattern in the table. Rows that need a restart are not taken
    back one by one: the next one is. ``first`` is there before it."""

    name: str
    about: str
    effect: Effect
    edit: Edit
    seen: Callable[[Told, Told], bool] = lambda before, after: True
    stays_up: bool = False
    first: Edit | None = None


_NONE, _LIVE, _RESTART = Effect.NONE, Effect.LIVE_PERSIST, Effect.RESTART
_LOSS = Effect.LINK_LOSS
_DATA = "devices/disk[serial='data']"
_SPARE = "devices/interface[source/@network='nat']"
_SPARE_MAC = "52:54:00:00:77:01"
_NIC = f'<interface type="network"><mac address="{_SPARE_MAC}"/><source network="nat"/>'
_NIC += '<model type="virtio"/></interface>'
_VF_MAC = "52:54:00:00:77:02"
_VF = f"devices/interface[mac/@address='{_VF_MAC}']"
_VF_XML = f'<interface type="network"><mac address="{_VF_MAC}"/><source network="vf"/>'
_VF_XML += '<vlan><tag id="42"/></vlan></interface>'

ROWS = (
    # Words.
    Row("title set", "title", _LIVE, put("title", "a title")),
    Row("description changed", "description", _LIVE, put("description", "another")),
    Row("metadata of ours", "metadata*", _NONE, put("metadata/{urn:guesthouse:1}guest@note", "x")),
    # CPUs and memory.
    Row("a vCPU more", "vcpu@current", _LIVE, put("vcpu@current", "2"), grows("vcpus", 1)),
    Row("memory plugged", "memory", _LIVE, memory(384), grows("memory_kib", 100_000)),
    Row(
        "memory ballooned",
        "memory",
        _LIVE,
        memory(224),
        lambda b, a: not grows("memory_kib", -20_000)(b, a),
    ),
    # Shares and limits.
    Row("cpu shares", "cputune/shares", _LIVE, put("cputune/shares", "200")),
    Row("vcpu quota", "cputune/quota", _LIVE, put("cputune/quota", "90000")),
    Row("vcpu period", "cputune/period", _LIVE, put("cputune/period", "50000")),
    Row("emulator quota", "cputune/emulator_quota", _LIVE, put("cputune/emulator_quota", "90000")),
    Row(
        "emulator period",
        "cputune/emulator_period",
        _LIVE,
        put("cputune/emulator_period", "50000"),
    ),
    Row("cpu limit", "cputune/global_quota", _LIVE, put("cputune/global_quota", "90000")),
    Row(
        "cpu limit's period", "cputune/global_period", _LIVE, put("cputune/global_period", "50000")
    ),
    Row(
        "vcpu pinned",
        "cputune/vcpupin*",
        _LIVE,
        both(put("cputune/vcpupin@vcpu", "0"), put("cputune/vcpupin@cpuset", "1")),
    ),
    Row("emulator pinned", "cputune/emulatorpin*", _LIVE, put("cputune/emulatorpin@cpuset", "1")),
    Row(
        "memory hard limit",
        "memtune/hard_limit*",
        _LIVE,
        both(put("memtune/hard_limit", "2097152"), put("memtune/hard_limit@unit", "KiB")),
    ),
    Row(
        "memory soft limit",
        "memtune/soft_limit*",
        _LIVE,
        both(put("memtune/soft_limit", "2097152"), put("memtune/soft_limit@unit", "KiB")),
    ),
    Row(
        "memory and swap limit",
        "memtune/swap_hard_limit*",
        _LIVE,
        both(
            # libvirt wants the other one not to be larger.
            put("memtune/hard_limit", "2097152"),
            put("memtune/hard_limit@unit", "KiB"),
            put("memtune/swap_hard_limit", "4194304"),
            put("memtune/swap_hard_limit@unit", "KiB"),
        ),
    ),
    Row("disk weight", "blkiotune/weight", _LIVE, put("blkiotune/weight", "500")),
    # Ends.
    Row("on poweroff", "on_poweroff", _LIVE, put("on_poweroff", "restart")),
    Row("on reboot", "on_reboot", _LIVE, put("on_reboot", "destroy")),
    Row("on crash", "on_crash", _LIVE, put("on_crash", "destroy")),
    # Disks.
    Row("disk grown", "(volume)", _LIVE, disk_size(2), told("data_bytes", str(2 * GIB))),
    Row("disk added", "+disk", _LIVE, more_disk, told("more", "there")),
    Row(
        "disk bytes limit",
        "disk/iotune/total_bytes_sec",
        _LIVE,
        put_in(_DATA, "iotune/total_bytes_sec", "1048576"),
    ),
    Row(
        "disk operations limit",
        "disk/iotune/total_iops_sec",
        _LIVE,
        put_in(_DATA, "iotune/total_iops_sec", "100"),
    ),
    Row("disk read limit", "disk/iotune/*", _LIVE, put_in(_DATA, "iotune/read_iops_sec", "100")),
    Row("disk's device name", "disk/target@dev", _NONE, put_in(_DATA, "target@dev", "vdf")),
    Row("boot order", "disk/boot@order", _NONE, put_in(_DATA, "boot@order", "5")),
    # NICs.
    Row("NIC added", "+interface", _LIVE, device(_NIC), told("spare", "there")),
    Row(
        "NIC removed",
        "-interface",
        _LIVE,
        drop(_SPARE),
        fewer_nics,
    ),
    Row(
        "NIC to another network",
        "interface/source@*",
        _LIVE,
        both(
            put_in(_SPARE, "@type", "bridge"),
            put_in(_SPARE, "source@bridge", "br0"),
            lambda r, _: r.xpath("devices/interface[source/@network='nat']/source")[0].attrib.pop(
                "network"
            ),
        ),
    ),
    Row(
        "NIC unplugged",
        "interface/link@state",
        _LIVE,
        put_in(_SPARE, "link@state", "down"),
        told("nat0_carrier", "0"),
    ),
    Row(
        "NIC receive limit",
        "interface/bandwidth/inbound@average",
        _LIVE,
        put_in(_SPARE, "bandwidth/inbound@average", "1250"),
    ),
    Row(
        "NIC send limit",
        "interface/bandwidth/outbound@average",
        _LIVE,
        put_in(_SPARE, "bandwidth/outbound@average", "1250"),
    ),
    Row(
        "NIC burst",
        "interface/bandwidth/*",
        _LIVE,
        both(
            put_in(_SPARE, "bandwidth/inbound@average", "1250"),
            put_in(_SPARE, "bandwidth/inbound@burst", "2048"),
        ),
    ),
    Row(
        "NIC filter",
        "interface/filterref@filter",
        _LIVE,
        put_in(_SPARE, "filterref@filter", "no-mac-spoofing"),
    ),
    # Virtual functions and devices of the host.
    Row("VF added", "+interface", _LIVE, device(_VF_XML), more_nics),
    Row("VF removed", "-interface", _LIVE, drop(_VF), fewer_nics, first=device(_VF_XML)),
    Row(
        "VF to another VLAN",
        "vf/vlan*",
        _LOSS,
        put_in(_VF, "vlan/tag@id", "43"),
        first=device(_VF_XML),
    ),
    Row("VF without a VLAN", "vf/vlan*", _LOSS, drop(f"{_VF}/vlan"), first=device(_VF_XML)),
    Row("device added", "+hostdev", _LIVE, host_device, more_nics),
    Row("device removed", "-hostdev", _LIVE, no_host_device, fewer_nics, first=host_device),
    # Other devices.
    Row("random numbers removed", "-rng", _LIVE, drop("devices/rng")),
    Row(
        "memory statistics",
        "memballoon/stats@period",
        _LIVE,
        put("devices/memballoon/stats@period", "5"),
    ),
    Row(
        "a root port more",
        "?controller",
        _NONE,
        device('<controller type="pci" index="20" model="pcie-root-port"/>'),
    ),
    # The guest itself.
    Row("autostart", "(autostart)", _LIVE, given("autostart", False)),
    Row("seed rewritten", "(seed)", _NONE, other_seed("keep"), told("seed", "")),
    # Restarts.
    Row(
        "more vCPUs possible",
        "vcpu",
        _RESTART,
        both(put("vcpu", "6"), put("cpu/numa/cell@cpus", "0-5")),
    ),
    Row(
        "more vCPUs now than possible",
        "vcpu@current",
        _RESTART,
        both(put("vcpu", "8"), put("vcpu@current", "2"), put("cpu/numa/cell@cpus", "0-7")),
    ),
    Row("more memory possible", "maxMemory", _RESTART, put("maxMemory", str(1536 * 1024))),
    Row("memory slots", "maxMemory@*", _RESTART, put("maxMemory@slots", "8")),
    Row(
        "memory above the possible",
        "memory",
        _RESTART,
        both(memory(640), put("maxMemory", str(768 * 1024))),
    ),
    Row("cpu mode", "cpu@mode", _RESTART, put("cpu@mode", "host-passthrough")),
    Row(
        "cpu topology",
        "cpu[@/]*",
        _RESTART,
        lambda root, _: root.find("cpu").append(
            etree.fromstring('<topology sockets="4" cores="1" threads="1"/>')
        ),
    ),
    Row("machine version", "os/type@machine", _RESTART, put("os/type@machine", "pc-q35-9.2")),
    Row("boot menu", "os*", _RESTART, put("os/bootmenu@enable", "yes")),
    Row("feature", "features*", _RESTART, put("features/vmport@state", "off")),
    Row("clock", "clock*", _RESTART, put("clock@offset", "localtime")),
    Row("disk cache", "disk/driver@cache", _RESTART, put_in(_DATA, "driver@cache", "writeback")),
    Row("disk discard", "disk/driver@discard", _RESTART, put_in(_DATA, "driver@discard", "ignore")),
    Row("disk queues", "disk/*", _RESTART, put_in(_DATA, "driver@queues", "2")),
    Row("NIC model", "interface/*", _RESTART, put_in(_SPARE, "model@type", "e1000e")),
    Row("video", "*", _RESTART, put("devices/video/model@type", "vga")),
    Row(
        "vsock added",
        "*",
        _RESTART,
        device('<vsock model="virtio"><cid auto="no" address="77"/></vsock>'),
    ),
    Row("panic device", "?panic", _RESTART, device('<panic model="pvpanic"/>')),
    Row("watchdog", "?watchdog", _RESTART, device('<watchdog model="i6300esb" action="none"/>')),
    Row(
        "seed run again",
        "(seed)",
        _RESTART,
        other_seed("rerun"),
        lambda b, a: a["seed"] == "rerun" and a["host_keys"] == b["host_keys"],
    ),
    # Data.
    Row(
        "system made anew for a seed",
        "(seed)",
        Effect.REPLACE,
        other_seed("replace"),
        lambda b, a: a["seed"] == "replace" and a["host_keys"] != b["host_keys"],
    ),
    Row("disk shrunk", "(volume)", Effect.DESTROYS_DATA, disk_size(1)),
    Row("disk removed", "-disk", Effect.DESTROYS_DATA, no_data_disk, stays_up=True),
)
