"""Changes of a guest's document, one for each row of the table of effects.

Each row edits the canonical domain document (an lxml root) and says the effect that the table
must give. ``seen`` looks at what the guest itself told before and after (see ``probe``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from guesthouse.effects import Effect

Root = Any
Told = Mapping[str, str]
GIB = 1024**3


@dataclass(frozen=True)
class Row:
    """One change; ``about`` is the pattern in the table. Rows that need a restart are not taken
    back one by one: the next one is."""

    name: str
    about: str
    effect: Effect
    edit: Callable[[Root, dict[str, Any]], None]
    seen: Callable[[Told, Told], bool] = lambda before, after: True


def _set(path: str, value: str) -> Callable[[Root, dict[str, Any]], None]:
    """Give the element or attribute at ``path`` (a/b@c) a value; make what is missing."""

    def edit(root: Root, _inputs: dict[str, Any]) -> None:
        element_path, _, attribute = path.partition("@")
        element = root
        for part in filter(None, element_path.split("/")):
            found = element.find(part)
            element = etree.SubElement(element, part) if found is None else found
        if attribute:
            element.set(attribute, value)
        else:
            element.text = value

    return edit


def _both(*edits: Callable[[Root, dict[str, Any]], None]) -> Callable[[Root, Any], None]:
    def edit(root: Root, inputs: dict[str, Any]) -> None:
        for one in edits:
            one(root, inputs)

    return edit


def _add(xml: str) -> Callable[[Root, dict[str, Any]], None]:
    def edit(root: Root, _inputs: dict[str, Any]) -> None:
        root.find("devices").append(etree.fromstring(xml))

    return edit


def _in(where: str, path: str, value: str) -> Callable[[Root, dict[str, Any]], None]:
    """As ``_set``, in the element that the XPath ``where`` finds."""

    def edit(root: Root, inputs: dict[str, Any]) -> None:
        _set(path, value)(root.xpath(where)[0], inputs)

    return edit


def _drop(where: str) -> Callable[[Root, dict[str, Any]], None]:
    def edit(root: Root, _inputs: dict[str, Any]) -> None:
        for element in root.xpath(where):
            element.getparent().remove(element)

    return edit


def _memory(mib: int) -> Callable[[Root, dict[str, Any]], None]:
    kib = str(mib * 1024)
    return _both(_set("memory", kib), _set("currentMemory", kib), _set("cpu/numa/cell@memory", kib))


def _disk_size(size_gib: int) -> Callable[[Root, dict[str, Any]], None]:
    def edit(_root: Root, inputs: dict[str, Any]) -> None:
        inputs["disks"][1]["size_bytes"] = size_gib * GIB

    return edit


def _more_disk(root: Root, inputs: dict[str, Any]) -> None:
    data = inputs["disks"][1]
    path = data["path"].replace(".data.", ".more.")
    volume = data["volume"].replace(".data.", ".more.")
    more = {**data, "name": "more", "serial": "more", "path": path, "volume": volume}
    inputs["disks"].append(more)
    xml = '<disk type="file" device="disk"><driver name="qemu" type="qcow2" discard="unmap"/>'
    xml += f'<source file="{path}"/><target dev="vdc" bus="virtio"/><serial>more</serial></disk>'
    _add(xml)(root, inputs)


def _input(name: str, value: Any) -> Callable[[Root, dict[str, Any]], None]:
    def edit(_root: Root, inputs: dict[str, Any]) -> None:
        inputs[name] = value

    return edit


def _seed(root: Root, inputs: dict[str, Any]) -> None:
    files = {**inputs["seed"]["files"], "user-data": "#cloud-config\n{}\n"}
    inputs["seed"] = {**inputs["seed"], "files": files}


def _no_data_disk(root: Root, inputs: dict[str, Any]) -> None:
    inputs["disks"] = inputs["disks"][:1]
    _drop("devices/disk[serial='data']")(root, inputs)


def _more(key: str, least: int) -> Callable[[Told, Told], bool]:
    return lambda before, after: int(after[key]) - int(before[key]) >= least


def _is(key: str, value: str) -> Callable[[Told, Told], bool]:
    return lambda _before, after: after[key] == value


_NONE, _LIVE, _RESTART = Effect.NONE, Effect.LIVE_PERSIST, Effect.RESTART
_DATA = "devices/disk[serial='data']"
_SPARE = "devices/interface[source/@network='nat']"
_SPARE_MAC = "52:54:00:00:77:01"
_NIC = f'<interface type="network"><mac address="{_SPARE_MAC}"/><source network="nat"/>'
_NIC += '<model type="virtio"/></interface>'

ROWS = (
    # Words.
    Row("title set", "title", _LIVE, _set("title", "a title")),
    Row("description changed", "description", _LIVE, _set("description", "another")),
    Row("metadata of ours", "metadata*", _NONE, _set("metadata/{urn:guesthouse:1}guest@note", "x")),
    # CPUs and memory.
    Row("a vCPU more", "vcpu@current", _LIVE, _set("vcpu@current", "2"), _more("vcpus", 1)),
    Row("memory plugged", "memory", _LIVE, _memory(384), _more("memory_kib", 100_000)),
    Row(
        "memory ballooned",
        "memory",
        _LIVE,
        _memory(224),
        lambda b, a: not _more("memory_kib", -20_000)(b, a),
    ),
    # Shares and limits.
    Row("cpu shares", "cputune/shares", _LIVE, _set("cputune/shares", "200")),
    Row("vcpu quota", "cputune/quota", _LIVE, _set("cputune/quota", "90000")),
    Row("vcpu period", "cputune/period", _LIVE, _set("cputune/period", "50000")),
    Row("emulator quota", "cputune/emulator_quota", _LIVE, _set("cputune/emulator_quota", "90000")),
    Row(
        "emulator period",
        "cputune/emulator_period",
        _LIVE,
        _set("cputune/emulator_period", "50000"),
    ),
    Row("cpu limit", "cputune/global_quota", _LIVE, _set("cputune/global_quota", "90000")),
    Row(
        "cpu limit's period", "cputune/global_period", _LIVE, _set("cputune/global_period", "50000")
    ),
    Row(
        "vcpu pinned",
        "cputune/vcpupin*",
        _LIVE,
        _both(_set("cputune/vcpupin@vcpu", "0"), _set("cputune/vcpupin@cpuset", "1")),
    ),
    Row("emulator pinned", "cputune/emulatorpin*", _LIVE, _set("cputune/emulatorpin@cpuset", "1")),
    Row(
        "memory hard limit",
        "memtune/hard_limit*",
        _LIVE,
        _both(_set("memtune/hard_limit", "2097152"), _set("memtune/hard_limit@unit", "KiB")),
    ),
    Row(
        "memory soft limit",
        "memtune/soft_limit*",
        _LIVE,
        _both(_set("memtune/soft_limit", "2097152"), _set("memtune/soft_limit@unit", "KiB")),
    ),
    Row(
        "memory and swap limit",
        "memtune/swap_hard_limit*",
        _LIVE,
        _both(
            _set("memtune/swap_hard_limit", "4194304"), _set("memtune/swap_hard_limit@unit", "KiB")
        ),
    ),
    Row("disk weight", "blkiotune/weight", _LIVE, _set("blkiotune/weight", "500")),
    # Ends.
    Row("on poweroff", "on_poweroff", _LIVE, _set("on_poweroff", "restart")),
    Row("on reboot", "on_reboot", _LIVE, _set("on_reboot", "destroy")),
    Row("on crash", "on_crash", _LIVE, _set("on_crash", "destroy")),
    # Disks.
    Row("disk grown", "(volume)", _LIVE, _disk_size(2), _is("data_bytes", str(2 * GIB))),
    Row("disk added", "+disk", _LIVE, _more_disk, _is("more", "there")),
    Row(
        "disk bytes limit",
        "disk/iotune/total_bytes_sec",
        _LIVE,
        _in(_DATA, "iotune/total_bytes_sec", "1048576"),
    ),
    Row(
        "disk operations limit",
        "disk/iotune/total_iops_sec",
        _LIVE,
        _in(_DATA, "iotune/total_iops_sec", "100"),
    ),
    Row("disk read limit", "disk/iotune/*", _LIVE, _in(_DATA, "iotune/read_iops_sec", "100")),
    Row("disk's device name", "disk/target@dev", _NONE, _in(_DATA, "target@dev", "vdf")),
    Row("boot order", "disk/boot@order", _NONE, _in(_DATA, "boot@order", "5")),
    # NICs.
    Row("NIC added", "+interface", _LIVE, _add(_NIC), _is("spare", "there")),
    Row(
        "NIC removed",
        "-interface",
        _LIVE,
        _drop(_SPARE),
        lambda b, a: int(b["nics"]) - int(a["nics"]) == 1,
    ),
    Row(
        "NIC to another network",
        "interface/source@*",
        _LIVE,
        _both(
            _in(_SPARE, "@type", "bridge"),
            _in(_SPARE, "source@bridge", "br0"),
            lambda r, _: r.xpath("devices/interface[source/@network='nat']/source")[0].attrib.pop(
                "network"
            ),
        ),
    ),
    Row(
        "NIC unplugged",
        "interface/link@state",
        _LIVE,
        _in(_SPARE, "link@state", "down"),
        _is("nat0_carrier", "0"),
    ),
    Row(
        "NIC receive limit",
        "interface/bandwidth/inbound@average",
        _LIVE,
        _in(_SPARE, "bandwidth/inbound@average", "1250"),
    ),
    Row(
        "NIC send limit",
        "interface/bandwidth/outbound@average",
        _LIVE,
        _in(_SPARE, "bandwidth/outbound@average", "1250"),
    ),
    Row(
        "NIC burst",
        "interface/bandwidth/*",
        _LIVE,
        _both(
            _in(_SPARE, "bandwidth/inbound@average", "1250"),
            _in(_SPARE, "bandwidth/inbound@burst", "2048"),
        ),
    ),
    Row(
        "NIC filter",
        "interface/filterref@filter",
        _LIVE,
        _in(_SPARE, "filterref@filter", "no-mac-spoofing"),
    ),
    # Other devices.
    Row("random numbers removed", "-rng", _LIVE, _drop("devices/rng")),
    Row(
        "memory statistics",
        "memballoon/stats@period",
        _LIVE,
        _set("devices/memballoon/stats@period", "5"),
    ),
    Row(
        "a root port more",
        "?controller",
        _NONE,
        _add('<controller type="pci" index="20" model="pcie-root-port"/>'),
    ),
    # The guest itself.
    Row("autostart", "(autostart)", _LIVE, _input("autostart", False)),
    Row("seed rewritten", "(seed)", _NONE, _seed),
    # Restarts.
    Row(
        "more vCPUs possible",
        "vcpu",
        _RESTART,
        _both(_set("vcpu", "6"), _set("cpu/numa/cell@cpus", "0-5")),
    ),
    Row(
        "more vCPUs now than possible",
        "vcpu@current",
        _RESTART,
        _both(_set("vcpu", "8"), _set("vcpu@current", "2"), _set("cpu/numa/cell@cpus", "0-7")),
    ),
    Row("more memory possible", "maxMemory", _RESTART, _set("maxMemory", str(1536 * 1024))),
    Row("memory slots", "maxMemory@*", _RESTART, _set("maxMemory@slots", "8")),
    Row(
        "memory above the possible",
        "memory",
        _RESTART,
        _both(_memory(640), _set("maxMemory", str(768 * 1024))),
    ),
    Row("cpu mode", "cpu@mode", _RESTART, _set("cpu@mode", "host-passthrough")),
    Row(
        "cpu topology",
        "cpu[@/]*",
        _RESTART,
        lambda root, _: root.find("cpu").append(
            etree.fromstring('<topology sockets="4" cores="1" threads="1"/>')
        ),
    ),
    Row("machine version", "os/type@machine", _RESTART, _set("os/type@machine", "pc-q35-9.2")),
    Row("boot menu", "os*", _RESTART, _set("os/bootmenu@enable", "yes")),
    Row("feature", "features*", _RESTART, _set("features/vmport@state", "off")),
    Row("clock", "clock*", _RESTART, _set("clock@offset", "localtime")),
    Row("disk cache", "disk/driver@cache", _RESTART, _in(_DATA, "driver@cache", "writeback")),
    Row("disk discard", "disk/driver@discard", _RESTART, _in(_DATA, "driver@discard", "ignore")),
    Row("disk queues", "disk/*", _RESTART, _in(_DATA, "driver@queues", "2")),
    Row("NIC model", "interface/*", _RESTART, _in(_SPARE, "model@type", "e1000e")),
    Row("video", "*", _RESTART, _set("devices/video/model@type", "vga")),
    Row(
        "vsock added",
        "*",
        _RESTART,
        _add('<vsock model="virtio"><cid auto="no" address="77"/></vsock>'),
    ),
    Row("panic device", "*", _RESTART, _add('<panic model="pvpanic"/>')),
    Row("watchdog", "*", _RESTART, _add('<watchdog model="i6300esb" action="none"/>')),
    # Data.
    Row("disk shrunk", "(volume)", Effect.DESTROYS_DATA, _disk_size(1)),
    Row("disk removed", "-disk", Effect.DESTROYS_DATA, _no_data_disk),
)
