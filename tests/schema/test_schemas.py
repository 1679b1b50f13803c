"""Every document obeys the schema of its reader: libvirt's RELAX NG, cloud-init's JSON schemas.

The schemas are those of the packages themselves, never copies in our tree: libvirt's come with
Debian's ``libvirt-common``, cloud-init's with ``scripts/schemas.sh``. A schema that is missing is
a failure: a skipped test proves nothing.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from lxml import etree

import cases
from guesthouse.render import network_document

LIBVIRT = Path("/usr/share/libvirt/schemas")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "guesthouse" / "schemas"
DOMAINS = [(case, name) for case in cases.CASES for name in cases.site_plan(case).guests]
NETWORKS = [
    (c, n.name, n.host) for c in cases.CASES for n in cases.site_plan(c).networks if not n.existing
]
SEEDS = [(c, n) for c, n in DOMAINS if cases.guest_documents(c)[n].seed]


def existing(file: Path, hint: str) -> Path:
    """The file, or a failed test that says how to get it."""
    if not file.is_file():
        pytest.fail(f"{file}: the schema is missing\n  hint: {hint}", pytrace=False)
    return file


@cache
def relax_ng(name: str) -> etree.RelaxNG:
    """A schema of libvirt (https://libvirt.org/format.html)."""
    file = existing(LIBVIRT / f"{name}.rng", "install Debian's package libvirt-common")
    return etree.RelaxNG(etree.parse(str(file)))


@cache
def json_schema(name: str) -> Any:
    """A schema of cloud-init, with the checks of the draft that it names."""
    schema = json.loads(existing(CACHE / name, "run scripts/schemas.sh").read_text())
    return jsonschema.validators.validator_for(schema)(schema)


def domain_problems(xml: str) -> list[str]:
    schema = relax_ng("domain")
    ok = schema.validate(etree.fromstring(xml))
    return [] if ok else [str(entry) for entry in schema.error_log]


def network_problems(xml: str) -> list[str]:
    schema = relax_ng("network")
    ok = schema.validate(etree.fromstring(xml))
    return [] if ok else [str(entry) for entry in schema.error_log]


def seed_problems(name: str, text: str) -> list[str]:
    validator = json_schema(name)
    return [f"{e.json_path}: {e.message}" for e in validator.iter_errors(yaml.safe_load(text))]


@pytest.mark.parametrize(("case", "name"), DOMAINS)
def test_domain(case: str, name: str) -> None:
    assert domain_problems(cases.guest_documents(case)[name].domain_xml) == []


@pytest.mark.parametrize(("case", "name", "host"), NETWORKS)
def test_network(case: str, name: str, host: str) -> None:
    plan = next(n for n in cases.site_plan(case).networks if (n.name, n.host) == (name, host))
    assert network_problems(network_document(plan)) == []


@pytest.mark.parametrize(("case", "name"), SEEDS)
def test_user_data(case: str, name: str) -> None:
    text = cases.guest_documents(case)[name].seed["user-data"]
    assert text.startswith("#cloud-config\n")
    assert seed_problems("schema-cloud-config-v1.json", text) == []


@pytest.mark.parametrize(("case", "name"), SEEDS)
def test_network_config(case: str, name: str) -> None:
    text = cases.guest_documents(case)[name].seed["network-config"]
    assert seed_problems("schema-network-config-v2.json", text) == []


@pytest.mark.parametrize(("case", "name"), SEEDS)
def test_meta_data(case: str, name: str) -> None:
    """NoCloud has no schema; its page asks for these two keys, and texts."""
    values = yaml.safe_load(cases.guest_documents(case)[name].seed["meta-data"])
    guest = cases.site_plan(case).guests[name]
    assert values == {"instance-id": "@@instance_id@@", "local-hostname": guest.name}


@pytest.mark.parametrize("new", ["true", "false"])
@pytest.mark.parametrize(("case", "name"), SEEDS)
def test_vendor_data(case: str, name: str, new: str) -> None:
    text = cases.guest_documents(case)[name].seed["vendor-data"]
    assert text.startswith("#cloud-config\n")
    filled = text.replace("@@new_guest@@", new)
    assert seed_problems("schema-cloud-config-v1.json", filled) == []
    assert yaml.safe_load(filled)["ssh_deletekeys"] is (new == "true")


def test_the_domain_schema_refuses() -> None:
    good = cases.guest_documents("plain")["g1"].domain_xml
    assert domain_problems(good.replace("<devices>", "<devices><teapot/>")) != []
    assert domain_problems(good.replace('mode="host-model"', 'mode="host"')) != []


def test_the_libvirt_network_schema_refuses() -> None:
    plan = next(n for n in cases.site_plan("ipv6").networks if n.name == "nat6")
    good = network_document(plan)
    assert network_problems(good.replace("<nat ", "<teapot/><nat ")) != []
    assert network_problems(good.replace('ipv6="yes"', 'ipv6="maybe"')) != []


def test_the_user_data_schema_refuses() -> None:
    good = cases.guest_documents("reference")["web"].seed["user-data"]
    name = "schema-cloud-config-v1.json"
    assert seed_problems(name, f"{good}teapot: true\n") != []
    assert seed_problems(name, good.replace("ssh_pwauth: false", "ssh_pwauth: [1]")) != []


def test_the_network_schema_refuses() -> None:
    good = cases.guest_documents("reference")["web"].seed["network-config"]
    name = "schema-network-config-v2.json"
    assert seed_problems(name, good.replace("dhcp4: true", "dhcp4: maybe")) != []
    assert seed_problems(name, good.replace("addresses:", "addresses: [1]\n    x:")) != []
