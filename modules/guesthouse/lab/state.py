"""What the lab remembers between commands: ``.guesthouse/lab/lab.json`` and its neighbours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from guesthouse import files
from guesthouse.errors import LabError, Problem
from guesthouse.lab.host import WHOLE, LabHost, Link
from guesthouse.lab.images import EMULATED, Image, read, recipe_of
from guesthouse.lab.ports import LOOPBACK
from guesthouse.machine.ssh import Endpoint, known_hosts_text, ssh_config_text


@dataclass(frozen=True)
class Folder:
    """Where a checkout keeps its lab. ``root`` is the checkout."""

    root: Path

    @property
    def lab(self) -> Path:
        return self.root / ".guesthouse" / "lab"

    @property
    def containers(self) -> Path:
        """What container hosts are made of; partly root's."""
        return self.lab / "containers"

    @property
    def state(self) -> Path:
        return self.lab / "lab.json"

    @property
    def key(self) -> Path:
        """The key that opens hosts and, by the site file, guests; the public half ends in .pub."""
        return self.lab / "id_ed25519"

    @property
    def ssh_config(self) -> Path:
        return self.lab / "ssh_config"

    @property
    def local_site(self) -> Path:
        """The part of the site file that only this machine knows."""
        return self.root / ".guesthouse" / "local" / "lab.site.yaml"


@dataclass(frozen=True)
class HostStatus:
    """A host, the process that is it, and its trunk; ``pid`` is 0 when it does not run."""

    host: LabHost
    pid: int
    link: Link

    @property
    def running(self) -> bool:
        return self.pid != 0


@dataclass(frozen=True)
class LabState:
    """The lab as last seen. ``accelerator`` is QEMU's -accel value, found by booting."""

    accelerator: str
    hosts: tuple[HostStatus, ...]
    images: tuple[Image, ...]
    one_segment: bool

    @property
    def running(self) -> bool:
        return all(status.running for status in self.hosts)


@dataclass(frozen=True)
class Record:
    """What lab.json holds: everything but what only the process table knows.

    ``qemu`` is the program that runs the hosts. With ``one_segment`` both wires between the hosts
    are one.
    """

    accelerator: str
    qemu: str
    hosts: tuple[LabHost, ...]
    host_image: str
    images: tuple[Image, ...]
    one_segment: bool

    def text(self) -> str:
        return json.dumps(asdict(self), indent=1, default=str) + "\n"


def parse(text: str) -> Record:
    """Reads what ``Record.text`` wrote."""
    data = json.loads(text)
    images = (Image(i["name"], Path(i["folder"]), i["sha256"]) for i in data["images"])
    return Record(
        accelerator=data["accelerator"],
        qemu=data["qemu"],
        hosts=tuple(_host(**host) for host in data["hosts"]),
        host_image=data["host_image"],
        images=tuple(images),
        one_segment=data["one_segment"],
    )


def _host(segments: Sequence[str], **values: Any) -> LabHost:
    return LabHost(segments=tuple(segments), **values)


def load(folder: Folder) -> Record | None:
    """The record of ``lab up``, None where there is none; raises LabError for any other text."""
    try:
        return parse(files.read_text(folder.state, files.MIB))
    except FileNotFoundError:
        return None
    except (files.Unreadable, ValueError, LookupError, TypeError, AttributeError):
        hint = "run: guesthouse lab down && guesthouse lab up"
        raise LabError(Problem(str(folder.state), "is not a record of a lab", hint=hint)) from None


def load_link(folder: Folder, host: LabHost) -> Link:
    """What ``save_link`` wrote; raises LabError for any other text."""
    path = folder.lab / host.link
    try:
        data = json.loads(files.read_text(path, files.MIB))
        up, delay_ms, loss_percent = data["up"], data["delay_ms"], data["loss_percent"]
        if type(up) is bool and type(delay_ms) is type(loss_percent) is int:
            return Link(up, delay_ms, loss_percent)
    except FileNotFoundError:
        return WHOLE
    except (files.Unreadable, ValueError, LookupError, TypeError):
        pass
    hint = f"run: guesthouse lab link {host.name} up"
    raise LabError(Problem(str(path), "is not a record of a link", hint=hint))


def save_link(folder: Folder, host: LabHost, link: Link) -> None:
    """Notes what the host's trunk is like; nothing is noted of a whole one."""
    path = folder.lab / host.link
    if link == WHOLE:
        path.unlink(missing_ok=True)
    else:
        save(path, json.dumps(asdict(link)) + "\n")


def save(path: Path, text: str) -> None:
    """Writes atomically: a reader sees the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text)
    temporary.replace(path)


def endpoint(folder: Folder, host: LabHost) -> Endpoint:
    return Endpoint(
        name=host.name,
        address=LOOPBACK,
        port=host.ssh_port,
        user="root",
        identity_file=str(folder.key),
        host_keys=(host.host_key,),
    )


def write_ssh_config(folder: Folder, hosts: Sequence[LabHost]) -> None:
    """ssh_config and known_hosts for people: ``ssh -F .guesthouse/lab/ssh_config h1``."""
    endpoints = [endpoint(folder, host) for host in hosts]
    known_hosts = folder.lab / "known_hosts"
    save(known_hosts, known_hosts_text(endpoints))
    save(folder.ssh_config, ssh_config_text(endpoints, str(known_hosts), connect_timeout_s=5))


def images_of(record: Record) -> dict[str, Image]:
    """The images by the names that the site file has for them. Where emulated hosts stand in for
    containers, their guests get the kernel arguments for those."""
    by_name = {image.name: image for image in record.images}
    if not any(host.stands_in for host in record.hosts):
        return by_name
    return {
        name: read(f"{recipe_of(name)}{EMULATED}", image.folder) or image
        for name, image in by_name.items()
    }


def local_site_text(folder: Folder, record: Record) -> str:
    """YAML that is merged by name into ``stacks/lab.site.yaml``. JSON scalars are YAML's too."""
    lines = ["# Written by `guesthouse lab up`: what only this machine knows.", "hosts:"]
    for host in record.hosts:
        lines += [
            f"  {host.name}:",
            f"    port: {host.ssh_port}",
            f"    identity_file: {json.dumps(str(folder.key))}",
            f"    host_keys: [{json.dumps(host.host_key)}]",
            # What the site file says of it as a container.
            *(["    acceleration: kvm", "    boots_at_once: 1"] if host.stands_in else []),
        ]
    if record.images:
        lines.append("images:")
    for name, image in images_of(record).items():
        lines += [
            f"  {name}:",
            f"    source: {json.dumps(str(image.disk))}",
            f"    sha256: {json.dumps(image.sha256)}",
        ]
    return "\n".join(lines) + "\n"
