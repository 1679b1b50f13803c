"""A scratch project with a stack on libvirt's test driver, run by the real engine."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from guesthouse.cli.engine import environment, prepare_home
from guesthouse.cli.project import Project
from scratch import clean_environment, scratch_project

SITE = """\
site: driver-1
hosts:
  t1: {{libvirt_uri: "test:///default", memory_mib: 8192}}
pools:
  default-pool: {{hosts: [t1], path: /default-pool, existing: true}}
images:
  small: {{source: {image}, sha256: {sha256}}}
networks:
  lan: {{kind: bridge, bridge: br0, hosts: [t1], existing: true}}
guests:
{guests}"""

GUEST = """\
  {name}:
    host: t1
    memory_mib: {memory_mib}
    description: {description}
    allow: {allow}
    disks: {{root: {{pool: default-pool, image: small, size_gib: 1}}}}
    nics: {{lan0: {{network: lan}}}}
    cloud_init: {{users: {{admin: {{password: {{secret: web_password}}}}}}}}
"""


class EngineProject:
    """The project folder and the engine in it."""

    def __init__(self, folder: Path, program: str | None = None, backend: str = "") -> None:
        self.root = scratch_project(folder, program, backend)
        project = Project(self.root)
        prepare_home(project)
        self.env = environment(project, clean_environment())
        self.image = folder / "small.raw"
        self.image.write_bytes(os.urandom(4096) + bytes(1024 * 1024))
        self.sha256 = hashlib.sha256(self.image.read_bytes()).hexdigest()
        self.pulumi("stack", "init", "test")

    def write(
        self, count: int = 2, memory_mib: int = 128, description: str = "plain", allow: str = "[]"
    ) -> None:
        """The site file with ``count`` guests."""
        guests = "".join(
            GUEST.format(
                name=f"g{index}", memory_mib=memory_mib, description=description, allow=allow
            )
            for index in range(count)
        )
        text = SITE.format(image=self.image, sha256=self.sha256, guests=guests)
        text = text.replace(f"sha256: {self.sha256}", f"sha256: {self.sha256}, format: raw")
        (self.root / "stacks/test.site.yaml").write_text(text)

    def secret(self, name: str, value: str) -> None:
        """A secret of the stack, through a pipe."""
        self.pulumi("config", "set", "--secret", name, input=value)

    def run(self, *argv: str, input: str = "") -> subprocess.CompletedProcess[str]:
        """The engine's answer, whatever its exit code."""
        stack = () if argv[:2] == ("stack", "init") else ("-s", "test")
        return self._run([*argv, *stack], input)

    def of(self, stack: str, *argv: str, input: str = "") -> str:
        """The engine's output for another stack; its failure is the test's."""
        result = self._run([*argv, "-s", stack], input)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def _run(self, argv: list[str], input: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", *argv, "--non-interactive"],
            cwd=self.root,
            env=self.env,
            input=input,
            capture_output=True,
            text=True,
            check=False,
        )

    def pulumi(self, *argv: str, input: str = "") -> str:
        """The engine's output; its failure is the test's."""
        result = self.run(*argv, input=input)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout
