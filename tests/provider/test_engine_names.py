"""Names of resources with the real engine: unambiguous, and older states keep their objects."""

from __future__ import annotations

import json
from pathlib import Path

from project import EngineProject

from scratch import CHECKOUT

SITE = """\
site: names-1
hosts:
  a: {{libvirt_uri: "test:///default", memory_mib: 8192}}
  a-b: {{libvirt_uri: "test:///default", memory_mib: 8192}}
pools:
  default-pool: {{hosts: [a, a-b], path: /default-pool, existing: true}}
images:
  small: {{source: {image}, sha256: {sha256}, format: raw}}
networks:
{networks}
guests:
  web:
    host: a-b
    memory_mib: 128
    disks: {{root: {{pool: default-pool, image: small, size_gib: 1}}}}
"""

# The names of a9c73ae: parts joined as they are, without an alias.
FORMER = """\
from guesthouse.components import libvirt, site
from guesthouse.placement import former_name
site.resource_name = libvirt.resource_name = former_name
site.renamed = lambda *parts: None
"""


def write(project: EngineProject, **networks: str) -> None:
    """The site, with each network of ``networks`` on the host that it names."""
    lines = (
        f"  {name.replace('_', '-')}: {{kind: nat, subnet: 10.{number}.0.0/24, hosts: [{host}]}}"
        for number, (name, host) in enumerate(networks.items(), 20)
    )
    text = SITE.format(image=project.image, sha256=project.sha256, networks="\n".join(lines))
    (project.root / "stacks/test.site.yaml").write_text(text)


def test_hosts_and_networks_with_hyphens_do_not_collide(tmp_path: Path) -> None:
    project = EngineProject(tmp_path / "project")
    write(project, b_c="a", c="a-b")
    project.pulumi("preview")


def test_an_older_state_keeps_its_objects(tmp_path: Path) -> None:
    program = (CHECKOUT / "__main__.py").read_text()
    project = EngineProject(tmp_path / "project", program=FORMER + program)
    write(project, c="a-b", d="a")
    project.pulumi("up", "--yes", "--skip-preview")
    (project.root / "__main__.py").write_text(program)
    told = json.loads(project.pulumi("preview", "--json"))
    assert set(told["changeSummary"]) == {"same"}
    project.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    names = {
        resource["urn"].rsplit("::", 1)[-1]
        for resource in json.loads(project.pulumi("stack", "export"))["deployment"]["resources"]
    }
    assert {"a--b-c", "a-d", "a--b-default--pool-small"} <= names
