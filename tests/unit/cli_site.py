"""A small project folder with one stack on libvirt's test driver, for tests of the command."""

from __future__ import annotations

import shutil
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuesthouse"
SITE = f"""\
site: one-1
hosts:
  h1: {{libvirt_uri: "test:///default", memory_mib: 2048}}
pools:
  guests: {{hosts: [h1], path: /srv/guests}}
images:
  small: {{source: small.qcow2, sha256: "{"0" * 64}"}}
networks:
  nat: {{kind: nat, subnet: 10.77.0.0/24}}
guests:
  web:
    host: h1
    vcpus: 1
    memory_mib: 512
    disks: {{root: {{pool: guests, image: small, size_gib: 1}}}}
    nics: {{nat0: {{network: nat}}}}
    cloud_init: {{users: {{admin: {{password: {{secret: web_password}}, ssh_keys: ["{KEY}"]}}}}}}
"""


def write_project(folder: Path) -> None:
    """Pulumi.yaml and ``stacks/one.site.yaml``."""
    (folder / "stacks").mkdir()
    shutil.copy(CHECKOUT / "Pulumi.yaml", folder)
    (folder / "stacks/one.site.yaml").write_text(SITE)
