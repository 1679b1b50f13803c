"""Sites for the policy rules: a clean one, edits of it, and the resources that come of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from guesthouse import render
from guesthouse.components import inputs
from guesthouse.errors import Problem
from guesthouse.model import parse_site
from guesthouse.placement import Plan, plan
from guesthouse.policy import RULES, Registered, StackRule

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2ZIlCKHRrC1rAcBW1cvqWQ3gPtKHOJdOKYWpN3mfd"
USER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuesthouse me"
CLEAN = f"""\
site: policy-1
hosts:
  h1:
    address: 192.0.2.1
    host_keys: ["{HOST_KEY}a"]
    memory_mib: 1000
    files: {{/etc/motd: {{content: "Password prompts are off.\\n"}}}}
    bridges: {{br0: {{nic: enp2s0, address: 198.51.100.1/24}}}}
    physical_functions:
      fast: {{nic: enp3s0, virtual_functions: 4, fixed: {{"0": {{mac: "52:54:00:00:0f:00"}}}}}}
  h2: {{address: 192.0.2.2, host_keys: ["{HOST_KEY}b"], memory_mib: 1000}}
pools: {{guests: {{hosts: [h1, h2], path: /srv/guests}}}}
images: {{small: {{source: small.qcow2, sha256: "{"4b0fd2b7" * 8}"}}}}
networks:
  lan: {{kind: bridge, bridge: br0, hosts: [h1]}}
  vf: {{kind: sriov, physical_function: fast}}
guests:
  web1:
    host: h1
    memory_mib: 512
    disks:
      root: {{pool: guests, image: small, size_gib: 1}}
      data: {{pool: guests, size_gib: 1}}
    nics: {{lan0: {{network: lan}}, vf0: {{network: vf, vlan: 42}}}}
    cloud_init:
      users:
        admin: {{sudo: true, ssh_keys: ["{USER_KEY}"], password: {{secret: web_password}}}}
  web2:
    host: h2
    memory_mib: 512
    disks: {{root: {{pool: guests, image: small, size_gib: 1}}}}
  db:
    host: h1
    memory_mib: 256
    disks: {{root: {{pool: guests, image: small, size_gib: 1}}}}
    nics: {{vf0: {{network: vf, vlan: 43}}}}
"""
SECRETS = {"web_password": "correct-horse-battery"}


def site(edits: Mapping[str, Any]) -> dict[str, Any]:
    """The clean site with some values otherwise; None takes one away."""
    return _merged(yaml.safe_load(CLEAN), edits)


def _merged(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, Mapping):
        return copy.deepcopy(new)
    merged = {key: value for key, value in old.items() if new.get(key, value) is not None}
    for key, value in new.items():
        if value is not None:
            merged[key] = _merged(old.get(key), value)
    return merged


def registered(values: Mapping[str, Any], secrets: Mapping[str, str] = SECRETS) -> list[Registered]:
    """The resources of a site, with the inputs that the program registers."""
    return list(_resources(plan(parse_site(values), "project", "stack"), secrets))


def _resources(made: Plan, secrets: Mapping[str, str]) -> Iterator[Registered]:
    for name, host in made.hosts.items():
        document = render.host_document(host)
        yield Registered("Host", name, inputs.host_inputs(made.identity, host, document))
        for card in host.host.physical_functions:
            function = render.physical_function_document(host, card)
            names = {n.name: "" for n in made.vf_networks if n.physical_function == card}
            of_card = inputs.physical_function_inputs(made, host, function, names)
            yield Registered("PhysicalFunction", f"{name}-{card}", of_card)
    for image in made.images:
        of_image = inputs.image_inputs(made.hosts[image.host], image)
        yield Registered("Image", f"{image.host}-{image.pool}-{image.name}", of_image)
    for name, guest in made.guests.items():
        host = made.hosts[guest.host]
        of_guest = inputs.guest_inputs(host, guest, render.guest_document(guest))
        of_guest["secrets"] = {secret: secrets[secret] for secret in guest.secrets}
        yield Registered("Guest", name, of_guest)


def broken(stack: list[Registered]) -> dict[str, list[Problem]]:
    """Rule -> its problems, of every rule that is broken."""
    found: dict[str, list[Problem]] = {}
    for rule in RULES:
        if isinstance(rule, StackRule):
            problems = list(rule.check(stack))
        else:
            of_kind = [item for item in stack if item.kind == rule.kind]
            problems = [problem for item in of_kind for problem in rule.check(item)]
        if problems:
            found[rule.name] = problems
    return found
