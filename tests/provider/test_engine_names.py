"""Names of resources with the real engine: unambiguous, and older states keep their objects."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from project import EngineProject

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

TWO_SITES = """\
from pathlib import Path
import pulumi
from guesthouse import placement, sitefile
from guesthouse.components import SiteComponent

for file in sorted(Path("stacks").glob("*.two.yaml")):
    plan = placement.plan(sitefile.read(file).checked(), "guesthouse", "test")
    secrets = {name: pulumi.Config().require_secret(f"{plan.identity.site}-{name}")
               for name in plan.secrets}
    for name, value in SiteComponent(plan, secrets).outputs.items():
        pulumi.export(f"{plan.identity.site}-{name}", value)
"""
TWO = """\
site: {site}
hosts:
  h1: {{libvirt_uri: "test:///{node}", memory_mib: 8192}}
pools:
  default-pool: {{hosts: [h1], path: /default-pool, existing: true}}
images:
  small: {{source: {image}, sha256: {sha256}, format: raw}}
networks:
  lan: {{kind: nat, subnet: {subnet}, hosts: [h1]}}
guests:
  web:
    host: h1
    memory_mib: 128
    disks: {{root: {{pool: default-pool, image: small, size_gib: 1}}}}
    nics: {{lan0: {{network: lan}}}}
    cloud_init: {{users: {{admin: {{password: {{secret: password}}}}}}}}
"""
# The node of libvirt's own test:///default.
NODE = """\
<node>
  <pool type="dir"><name>default-pool</name><target><path>/default-pool</path></target></pool>
</node>
"""
OLD_SITE = "guesthouse:site:Site"


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


def write_two(project: EngineProject, sites: dict[str, str]) -> None:
    """A program of these sites, each with its subnet; all else is called the same in each."""
    (project.root / "__main__.py").write_text(TWO_SITES)
    for site, subnet in sites.items():
        node = project.root / f"{site}.xml"
        node.write_text(NODE)
        values = {"image": project.image, "sha256": project.sha256, "subnet": subnet}
        text = TWO.format(site=site, node=node, **values)
        (project.root / f"stacks/{site}.two.yaml").write_text(text)
        project.secret(f"{site}-password", f"correct-horse-of-{site}")


def resources(project: EngineProject) -> list[dict[str, str]]:
    exported = json.loads(project.pulumi("stack", "export", "--show-secrets"))
    return list(exported["deployment"].get("resources", ()))


def names(project: EngineProject) -> set[str]:
    """TYPE CHAIN::NAME of what is in the state."""
    return {resource["urn"].split("::", 2)[2] for resource in resources(project)}


def make_older(project: EngineProject, renamed: dict[str, str]) -> None:
    """Write into the state what an older version called the sites and ``renamed``."""
    text = project.pulumi("stack", "export")
    text = re.sub(r"guesthouse:site:[a-z0-9-]+", OLD_SITE, text)
    for name, former in renamed.items():
        text = text.replace(f"::{name}", f"::{former}")
    project.pulumi("stack", "import", input=text)


def changes(project: EngineProject) -> dict[str, int]:
    """Of a preview, action -> how many resources."""
    return dict(json.loads(project.pulumi("preview", "--json"))["changeSummary"])


@pytest.mark.parametrize(
    "renamed",
    [{"a--b-c": "a-b-c", "a--b-default--pool-small": "a-b-default-pool-small"}, {}],
    ids=["a9c73ae", "832d976"],
)
def test_an_older_state_keeps_its_objects(tmp_path: Path, renamed: dict[str, str]) -> None:
    project = EngineProject(tmp_path / "project")
    write(project, c="a-b", d="a")
    project.pulumi("up", "--yes", "--skip-preview")
    made = names(project)
    make_older(project, renamed)
    assert not made & names(project) - {"pulumi:pulumi:Stack::guesthouse-test"} - {
        name for name in made if name.startswith("pulumi:")
    }
    assert set(changes(project)) == {"same"}
    project.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    assert names(project) == made
    project.pulumi("preview", "--expect-no-changes")


def test_a_network_can_join_one_whose_former_name_it_has(tmp_path: Path) -> None:
    project = EngineProject(tmp_path / "project")
    write(project, b_c="a")
    project.pulumi("up", "--yes", "--skip-preview")
    write(project, b_c="a", c="a-b")
    assert changes(project) == {"create": 1, "same": 7}


def test_an_ambiguous_former_name_is_refused_by_name(tmp_path: Path) -> None:
    project = EngineProject(tmp_path / "project")
    write(project, c="a-b")
    project.pulumi("up", "--yes", "--skip-preview")
    make_older(project, {"a--b-c": "a-b-c"})
    write(project, c="a-b", b_c="a")
    result = project.run("preview")
    assert result.returncode != 0
    assert (
        "network b-c on a: the state has one of host 'a-b' under its name\n"
        "      hint: take it out of the site file, run `up`, and declare it again"
    ) in result.stdout
    write(project, c="a-b")
    project.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    write(project, c="a-b", b_c="a")
    assert changes(project) == {"create": 1, "same": 7}


def test_two_sites_in_one_program_have_the_same_names(tmp_path: Path) -> None:
    project = EngineProject(tmp_path / "project")
    write_two(project, {"abroad": "10.1.0.0/24", "home": "10.2.0.0/24"})
    project.pulumi("up", "--yes", "--skip-preview")
    for site in ("abroad", "home"):
        ours = {
            n.rpartition("::")[2]
            for n in names(project)
            if n.startswith(f"guesthouse:site:{site}$")
        }
        assert ours == {"h1", "h1-lan", "h1-default--pool-small", "web"}
    guests = {r["urn"].split("::")[2]: r for r in resources(project) if r["urn"].endswith("::web")}
    for site in ("abroad", "home"):
        guest = json.dumps(guests[f"guesthouse:site:{site}$guesthouse:index:Guest"])
        assert f"correct-horse-of-{site}" in guest
        assert guest.count("correct-horse-of-") == guest.count(f"correct-horse-of-{site}")
    outputs = json.loads(project.pulumi("stack", "output", "--json"))
    assert outputs["home-guests"]["web"]["host"] == outputs["abroad-guests"]["web"]["host"] == "h1"
    assert changes(project) == {"same": 11}
    text = (project.root / "stacks/home.two.yaml").read_text()
    described = text.replace("    memory_mib: 128", "    memory_mib: 128\n    description: mine")
    (project.root / "stacks/home.two.yaml").write_text(described)
    changed = json.loads(project.pulumi("preview", "--json"))["steps"]
    assert [s["urn"].split("::", 2)[2] for s in changed if s["op"] != "same"] == [
        "guesthouse:site:home$guesthouse:index:Guest::web"
    ]
    (project.root / "stacks/abroad.two.yaml").unlink()
    (project.root / "stacks/home.two.yaml").write_text(text)
    assert changes(project) == {"same": 6, "delete": 5}
    project.pulumi("destroy", "--yes", "--skip-preview")
    assert resources(project) == []


def test_a_new_site_takes_nothing_of_one_in_an_older_state(tmp_path: Path) -> None:
    project = EngineProject(tmp_path / "project")
    write_two(project, {"home": "10.2.0.0/24"})
    project.pulumi("up", "--yes", "--skip-preview")
    make_older(project, {"h1-default--pool-small": "h1-default-pool-small"})
    # The new one comes first in the program.
    write_two(project, {"abroad": "10.1.0.0/24", "home": "10.2.0.0/24"})
    assert changes(project) == {"create": 5, "same": 6}
