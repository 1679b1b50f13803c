"""A new lab: what its hosts boot from, and who they are."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from guesthouse.lab import accelerator, emulator, images, keys, needs, state
from guesthouse.lab.host import EMULATED, LabHost, Wanted
from guesthouse.lab.images import Image, Say
from guesthouse.lab.ports import free_ports
from guesthouse.lab.state import Folder, Record


def record(folder: Folder, wanted: Sequence[Wanted], say: Say, one_segment: bool) -> Record:
    """A new lab: image, QEMU, ports, keys, hostnames; in lab.json before anything runs."""
    line = [host.name for host in wanted if host.kind == EMULATED]
    needs.require(folder.lab, len(wanted) - len(line), len(line))
    image, found, qemu = machines(bool(line), say)
    keys.ensure(folder.key, "guesthouse-lab")
    hosts = []
    for number, (host, port) in enumerate(zip(wanted, free_ports(len(wanted)), strict=True), 1):
        host_key = keys.ensure(folder.lab / f"{host.name}.host_key", host.name)
        (folder.lab / f"{host.name}.hostname").write_text(host.name)
        own = (host.name, number, port, host_key, host.kind, host.segments)
        hosts.append(LabHost(*own, *neighbours(host.name, line), host.stands_in))
    made = Record(
        accelerator=found,
        qemu=qemu,
        hosts=tuple(hosts),
        host_image=str(image.folder),
        images=(),
        one_segment=one_segment,
    )
    state.write_ssh_config(folder, made.hosts)
    state.save(folder.state, made.text())
    return made


def neighbours(name: str, line: Sequence[str]) -> tuple[str, str]:
    """The names before and after this one in the line; empty where there is none."""
    ends = ["", *line, ""]
    index = ends.index(name) if name in line else 0
    return (ends[index - 1], ends[index + 1]) if index else ("", "")


def build(wanted: Sequence[Wanted], guests: Sequence[str], say: Say) -> None:
    """All that a lab of these hosts and images would build, into the cache; starts nothing."""
    emulated = any(host.kind == EMULATED for host in needs.possible(wanted, say))
    needs.require_images((images.HOST, *guests))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(machines, emulated, say)
        for name in guests:
            images.image(name, say)
        first.result()


def machines(emulated: bool, say: Say) -> tuple[Image, str, str]:
    """The hosts' image, and for emulated ones QEMU's accelerator and its program."""
    if not emulated:
        return images.image(images.HOST, say), "", ""
    with ThreadPoolExecutor(1) as pool:
        # It takes as long as the image, and each leaves a core idle half of the time.
        early = None if accelerator.is_kvm_likely() else pool.submit(emulator.program, say)
        image = images.image(images.HOST, say)
        found = accelerator.choose(image.vmlinuz)
        say(f"accelerator: {found}")
        if found == accelerator.KVM:
            return image, found, accelerator.QEMU
        return image, found, early.result() if early else emulator.program(say)
