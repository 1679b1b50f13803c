"""The golden cases: a site file in, a tree of documents out, through the whole pure path.

Used by tests/golden (the tree is as recorded), tests/schema (every document obeys its schema) and
tests/driver (libvirt accepts every domain).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from guesthouse import render, sitefile
from guesthouse.model import Site
from guesthouse.placement import Plan, plan

FOLDER = Path(__file__).resolve().parent / "golden"
CASES = tuple(sorted(file.parent.name for file in FOLDER.glob("*/site.yaml")))
# In recorded trees: the place of the case's own folder, which is another one in every checkout.
HERE = "CASE"


@cache
def site(case: str) -> Site:
    """The site of a golden case."""
    return sitefile.read(FOLDER / case / "site.yaml").checked()


@cache
def site_plan(case: str) -> Plan:
    """The plan of a golden case, made for the project and the stack of the same names always."""
    return plan(site(case), project="golden", stack=case)


@cache
def guest_documents(case: str) -> dict[str, render.GuestDocument]:
    """Every guest's documents of a golden case, by name."""
    return {name: render.guest_document(g) for name, g in site_plan(case).guests.items()}


def tree(case: str) -> dict[str, str]:
    """All that the pure path makes of a case: file name -> text."""
    made = {"plan.json": _json(site_plan(case))}
    for name, item in site_plan(case).hosts.items():
        made |= dict(_host(f"hosts/{name}", render.host_document(item)))
        for function in item.host.physical_functions:
            pf = render.physical_function_document(item, function)
            made |= {f"hosts/{name}{path}": file.content for path, file in pf.files.items()}
            made[f"hosts/{name}/{function}.vfs.json"] = _json(pf.vfs)
    for network in site_plan(case).networks:
        if not network.existing:
            made[f"networks/{network.host}/{network.name}.xml"] = render.network_document(network)
    for pool in site_plan(case).vf_networks:
        made[f"networks/{pool.host}/{pool.name}.xml"] = render.vf_network_document(pool)
    for name, document in guest_documents(case).items():
        made |= dict(_guest(f"guests/{name}", document))
    made |= _access(case)
    return {name: text.replace(str(FOLDER / case), HERE) for name, text in made.items()}


def _host(base: str, document: render.HostDocument) -> Iterator[tuple[str, str]]:
    for path, file in document.files.items():
        yield f"{base}/files{path}", file.content
    files = {
        path: file.model_copy(update={"content": "beside"}) for path, file in document.files.items()
    }
    yield f"{base}/document.json", _json(dataclasses.replace(document, files=files))


def _guest(base: str, document: render.GuestDocument) -> Iterator[tuple[str, str]]:
    yield f"{base}/domain.xml", document.domain_xml
    for name, text in document.seed.items():
        yield f"{base}/seed/{name}", text
    yield f"{base}/disks.json", _json(document.disks)


def _access(case: str) -> dict[str, str]:
    """``told.yaml`` holds the addresses and host keys that the guests of a case told, if any."""
    told = FOLDER / case / "told.yaml"
    answers = yaml.safe_load(told.read_text()) if told.exists() else {}
    plan_ = site_plan(case)
    found = render.machines(plan_, answers.get("addresses", {}), answers.get("host_keys", {}))
    return {
        "access/ssh_config": render.ssh_config(plan_.identity.mark, found),
        "access/inventory.json": _json(render.ansible_inventory(found)),
        "access/testinfra_hosts.json": _json(render.testinfra_hosts(found)),
    }


def _json(value: Any) -> str:
    return json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n"


def plain(value: Any) -> Any:
    """Dataclasses and models as JSON's own types, in their order."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value
