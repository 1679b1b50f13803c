"""From a declared guest to ssh, against a hand-written virsh script; on the lab, when it is up.

Ours is the Guest's create as the engine sees it, volumes and seed included. The script does the
least that gives the same guest: overlay, seed, define, start, and asking its sshd each second.
Image, network and host are the same; each side's guest is alone while it is measured.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from project import EngineProject

from bench.rows import Row, in_turn, wall_s
from guesthouse.lab import images
from guesthouse.lab import lab as lab_
from guesthouse.machine.ssh import Endpoint, SshDirectory
from guesthouse.provider.seed import seed_iso

POOL = "/srv/guesthouse-bench"
NAME, AGAINST = "declared guest to ssh", "hand-written virsh script"
ADDRESS = "10.79.0.12"
TIMEOUT_S = 600

SITE = """\
site: bench-1
hosts:
  h1:
    address: {host.address}
    port: {host.port}
    user: {host.user}
    acceleration: tcg
    identity_file: {host.identity_file}
    host_keys: [{host.host_keys[0]}]
pools:
  bench: {{hosts: [h1], path: {pool}}}
images:
  small: {{source: {image.disk}, sha256: {image.sha256}}}
networks:
  bench: {{kind: nat, subnet: 10.79.0.0/24}}
guests:{guest}
"""

GUEST = """
  bench-ours:
    host: h1
    memory_mib: 256
    disks: {{root: {{pool: bench, image: small, size_gib: 1}}}}
    nics: {{lan0: {{network: bench, address: 10.79.0.11/24}}}}
    cloud_init: {{users: {{admin: {{ssh_keys: ["{key}"]}}}}}}
"""

SEED = {
    "meta-data": "instance-id: bench-hand\nlocal-hostname: bench-hand\n",
    "user-data": "#cloud-config\nusers:\n  - name: admin\n    ssh_authorized_keys: [{key}]\n",
    "network-config": """\
version: 2
ethernets:
  lan0:
    match: {macaddress: "52:54:00:be:7c:01"}
    set-name: lan0
    addresses: [10.79.0.12/24]
""",
}

DOMAIN = """\
<domain type="qemu">
  <name>bench-hand</name>
  <memory unit="MiB">256</memory>
  <os><type arch="x86_64" machine="q35">hvm</type></os>
  <features><acpi/></features>
  <cpu mode="maximum"/>
  <devices>
    <disk type="file" device="disk">
      <driver name="qemu" type="qcow2"/><source file="{pool}/hand.qcow2"/><target dev="vda"/>
    </disk>
    <disk type="file" device="cdrom">
      <source file="{pool}/hand.iso"/><target dev="sda" bus="sata"/><readonly/>
    </disk>
    <interface type="network">
      <mac address="52:54:00:be:7c:01"/><source network="bench"/><model type="virtio"/>
    </interface>
    <serial type="pty"/>
    <channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>
  </devices>
</domain>
"""

SCRIPT = """\
set -e
cat > {pool}/hand.iso
qemu-img create -q -f qcow2 -F qcow2 -b {pool}/small-*.qcow2 {pool}/hand.qcow2 1G
printf %s {domain} > {pool}/hand.xml
virsh -q define {pool}/hand.xml
virsh -q start bench-hand
until ssh-keyscan -T 3 -t ed25519 {address} 2>/dev/null | grep -q ssh-; do sleep 1; done
"""

CLEAN = """\
virsh -q destroy bench-hand; virsh -q undefine bench-hand; rm -f {pool}/hand.*; true
"""


class LabProject(EngineProject):
    """A scratch project whose one host is the lab's h1."""

    def __init__(self, folder: Path, host: Endpoint) -> None:
        super().__init__(folder)
        self.host = host
        self.key = Path(f"{host.identity_file}.pub").read_text().strip()

    def declare(self, guest: bool) -> None:
        """The site file, with or without the guest."""
        image = images.cached("small")
        text = GUEST.format(key=self.key) if guest else " {}"
        site = SITE.format(host=self.host, pool=POOL, image=image, guest=text)
        (self.root / "stacks/test.site.yaml").write_text(site)

    def create_s(self) -> float:
        """Seconds from the beginning to the end of the guest's create; then it is removed."""
        self.declare(guest=True)
        command = ["pulumi", "up", "-s", "test", "--yes", "--skip-preview", "--non-interactive"]
        with subprocess.Popen(
            command, cwd=self.root, env=self.env, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            began = ended = 0.0
            said = []
            for line in process.stdout:
                said.append(line)
                if "Guest bench-ours creat" in line:
                    began = began or time.perf_counter()
                    ended = time.perf_counter() if " created " in line else ended
        assert process.returncode == 0 and ended, "".join(said)
        self.declare(guest=False)
        self.pulumi("up", "--yes", "--skip-preview")
        return ended - began


def _hand_s(ssh: SshDirectory, key: str) -> float:
    """Seconds that the script takes; then its guest is removed."""
    files = {name: text.replace("{key}", key) for name, text in SEED.items()}
    seed = seed_iso(files, {}, "bench-hand")
    domain = shlex.quote(DOMAIN.format(pool=POOL))
    script = SCRIPT.format(pool=POOL, domain=domain, address=ADDRESS)

    def work() -> None:
        ssh.run("h1", "sh", "-c", script, input=seed, timeout_s=TIMEOUT_S)

    try:
        return wall_s(work)
    finally:
        ssh.run("h1", "sh", "-c", CLEAN.format(pool=POOL))


@contextmanager
def _project(host: Endpoint, ssh: SshDirectory) -> Iterator[LabProject]:
    """A project that has left nothing on the host at its end, images included."""
    with TemporaryDirectory(prefix="gh-bench-") as folder:
        project = LabProject(Path(folder) / "project", host)
        try:
            yield project
        finally:
            project.declare(guest=False)
            project.pulumi("destroy", "--yes", "--skip-preview")
            ssh.run("h1", "rm", "-rf", POOL)


def not_measured(why: str) -> list[Row]:
    """The row without figures."""
    return [Row(NAME, AGAINST, 1.1, missing=why)]


def rows(root: Path, quick: bool) -> list[Row]:
    """One row, on the lab of the project in ``root``. The first create of ours, which brings pool,
    network and image, does not count."""
    status = lab_.status(root)
    if status is None or not status.running or images.cached("small") is None:
        return not_measured("guesthouse lab up")
    host = {endpoint.name: endpoint for endpoint in lab_.endpoints(root)}["h1"]
    ssh = SshDirectory([host])
    with _project(host, ssh) as project:
        project.create_s()
        ours, peer = in_turn(1 if quick else 2, project.create_s, lambda: _hand_s(ssh, project.key))
    return [Row(NAME, AGAINST, 1.1, False, ours, peer)]
