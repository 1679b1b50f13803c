"""A project whose one host is libvirt's test driver inside a libvirtd, so it outlives its clients.

Needs ``engine/libvirt/private-libvirtd.sh`` around it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import libvirt
from project import EngineProject

from faults.wire import Call, Wire

COMMAND = Path(sys.executable).with_name("guesthouse")
POOL = "default-pool"
SITE = """\
site: faults-1
allow: [restart, destroys_data]
hosts:
  t1: {{libvirt_uri: "{uri}", memory_mib: 8192}}
pools:
  {pool}: {{hosts: [t1], path: /default-pool, existing: true}}
images:
  small: {{source: {image}, sha256: {sha256}, format: raw}}
networks:
  lan: {{kind: bridge, bridge: br0, hosts: [t1], existing: true}}
guests: {guests}
"""
GUEST = """
  g0:
    host: t1
    memory_mib: {memory_mib}
    vcpus: {vcpus}
    vcpus_max: 4
    description: {description}
    autostart: {autostart}
    disks:
      root: {{pool: default-pool, image: small, size_gib: 1}}
      data: {{pool: default-pool, size_gib: {size_gib}}}
    nics: {{lan0: {{network: lan}}}}
    cloud_init: {{users: {{admin: {{password: {{secret: web_password}}}}}}}}
"""
# Shapes that an update leads between: from the first to the second in place, to the third by a
# restart (the test driver plugs no memory and grows no volume).
SHAPES = (
    {"memory_mib": 128, "vcpus": 1, "description": "one", "autostart": "true", "size_gib": 1},
    {"memory_mib": 128, "vcpus": 2, "description": "two", "autostart": "false", "size_gib": 1},
    {"memory_mib": 256, "vcpus": 1, "description": "one", "autostart": "true", "size_gib": 1},
)
VOLUMES = {"g0.root.qcow2", "g0.data.qcow2", "g0.seed.iso"}


class World:
    """The project, its libvirtd behind a wire, and an eye of our own on what is there."""

    provider = "pulumi-resource-guesthouse"
    driver = "test+unix:///default"
    volumes = VOLUMES

    def __init__(self, folder: Path) -> None:
        socket = os.environ["GUESTHOUSE_TEST_SOCKET"]
        self.wire = Wire(folder / "wire", socket)
        self.wire.start()
        # The test driver forgets everything with its last client.
        self.eye = libvirt.open(f"{self.driver}?socket={socket}")
        self.uri = f"{self.driver}?socket={self.wire.path}"
        self.project = self.make(folder / "project")
        self.saved = folder / "saved"
        self.engine: subprocess.Popen[str] | None = None

    def make(self, folder: Path) -> EngineProject:
        """The project, deployed as far as no guest is in it."""
        project = EngineProject(folder)
        project.secret("web_password", "correct-horse-battery")
        self.project = project
        self.declare(None)
        project.pulumi("up", "--yes", "--skip-preview")
        return project

    def declare(self, shape: int | None) -> None:
        """The site file with the guest in one of its shapes, or without it."""
        guests = "{}" if shape is None else GUEST.format(**SHAPES[shape])
        text = SITE.format(
            uri=self.uri,
            pool=POOL,
            image=self.project.image,
            sha256=self.project.sha256,
            guests=guests,
        )
        (self.project.root / "stacks/test.site.yaml").write_text(text)

    def changed(self, stop_at: int = 0, before: bool = True, victim: str = "") -> list[Call]:
        """`pulumi up` with a death at one call; the calls that were made."""
        self.wire.reset(stop_at, before, lambda: self._kill(victim))
        self.engine = subprocess.Popen(
            ["pulumi", "up", "-s", "test", "--yes", "--skip-preview", "--non-interactive"],
            cwd=self.project.root,
            env=self.project.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said, _ = self.engine.communicate()
        self._gone()
        if not stop_at:
            assert self.engine.returncode == 0, said
        return list(self.wire.calls)

    def recover(self) -> str:
        """`guesthouse up`: "" when it went well, else what it said."""
        self.wire.reset()
        result = subprocess.run(
            [
                str(COMMAND),
                "-C",
                str(self.project.root),
                "up",
                "test",
                "--yes",
                "--",
                "--skip-preview",
            ],
            env=self.project.env,
            capture_output=True,
            text=True,
            check=False,
        )
        return "" if result.returncode == 0 else (result.stdout + result.stderr)[-1500:]

    def wrong(self, shape: int | None) -> str:
        """What is not as declared: on the machine, and in the state's eyes; "" for nothing."""
        domains = {d.name() for d in self.eye.listAllDomains()} - {"test"}
        pool = self.eye.storagePoolLookupByName(POOL)
        volumes = {v for v in pool.listVolumes() if not v.startswith("small-")}
        wanted = (set(), set()) if shape is None else ({"g0"}, self.volumes)
        if (domains, volumes) != wanted:
            return f"there are domains {sorted(domains)} and volumes {sorted(volumes)}"
        if shape is not None and (reason := self._misshapen(SHAPES[shape])):
            return reason
        preview = self.project.run("preview", "--refresh", "--expect-no-changes")
        return "" if preview.returncode == 0 else f"a preview has changes: {preview.stdout[-800:]}"

    def _misshapen(self, shape: dict[str, object]) -> str:
        domain = self.eye.lookupByName("g0")
        seen = {
            "memory_mib": domain.info()[2] // 1024,
            "vcpus": domain.info()[3],
            "description": domain.metadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None),
            "autostart": "true" if domain.autostart() else "false",
            "size_gib": self.eye.storagePoolLookupByName(POOL)
            .storageVolLookupByName("g0.data.qcow2")
            .info()[1]
            // 1024**3,
        }
        if not domain.isActive():
            return "the guest does not run"
        return "" if seen == shape else f"the guest is {seen}"

    def save(self) -> None:
        """Remember the engine's state."""
        shutil.rmtree(self.saved, ignore_errors=True)
        shutil.copytree(self.project.root / ".guesthouse/state", self.saved)

    def restore(self) -> None:
        """The engine's state as remembered, and no guest."""
        shutil.rmtree(self.project.root / ".guesthouse/state")
        shutil.copytree(self.saved, self.project.root / ".guesthouse/state")
        for domain in self.eye.listAllDomains():
            if domain.name() != "test":
                if domain.isActive():
                    domain.destroy()
                domain.undefine()
        pool = self.eye.storagePoolLookupByName(POOL)
        for name in pool.listVolumes():
            if not name.startswith("small-"):
                pool.storageVolLookupByName(name).delete(0)

    def _session(self) -> list[tuple[int, str]]:
        """(process, command line) of the engine's session."""
        assert self.engine is not None
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except (OSError, ValueError):
                    continue
                if session == self.engine.pid and line:
                    found.append((int(entry.name), line))
        return found

    def _providers(self) -> list[int]:
        return [pid for pid, line in self._session() if self.provider in line]

    def _kill(self, victim: str) -> None:
        assert self.engine is not None
        wanted = [self.engine.pid] if victim == "engine" else []
        if victim == "provider":
            wanted = self._providers()
        assert wanted, f"no process to kill: {victim}"
        for pid in wanted:
            os.kill(pid, signal.SIGKILL)

    def _gone(self) -> None:
        """Wait until no provider is left: an orphan would go on changing the world. The language
        host of a dead engine changes nothing and would stay: it is ended here."""
        deadline = time.monotonic() + 20
        while self._providers() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not self._providers(), "the provider outlives its engine"
        for pid, _ in self._session():
            with suppress(ProcessLookupError):  # ended by itself just now
                os.kill(pid, signal.SIGKILL)
