"""Every policy rule with a site that keeps it, close to the edge, and one that breaks it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import pytest
from policy_case import HOST_KEY, SECRETS, USER_KEY, broken, registered, site

from guesthouse.policy import RULES
from scratch import CHECKOUT

Edits = Mapping[str, Any]


def web(**fields: Any) -> Edits:
    return {"guests": {"web1": fields}}


def h1(**fields: Any) -> Edits:
    return {"hosts": {"h1": fields}}


def fast(**fields: Any) -> Edits:
    return h1(physical_functions={"fast": fields})


def boot(**fields: Any) -> Edits:
    return web(cloud_init=fields)


def packed(text: str) -> Edits:
    """A file that cloud-init writes, of content in base64."""
    content = base64.b64encode(text.encode()).decode()
    return boot(user_data={"write_files": [{"path": "/a", "encoding": "b64", "content": content}]})


def data(**fields: Any) -> Edits:
    return web(disks={"data": fields})


FILE = {"/etc/app.conf": {"content": "token_file=/run/token\n", "mode": "0660"}}
OPEN = {"/etc/app.conf": {"content": "token=s3cr3t-word\n", "mode": "0640"}}
EVERYBODY = {"/etc/app.conf": {"content": "", "mode": "0602"}}
MEMORY = {"libvirt_uri": "test:///default", "address": None, "host_keys": None}
NO_KEY = {"admin": {"ssh_keys": None}}
WEB2 = {**site({})["guests"]["web2"], "memory_mib": 64}
EMPTY = {"pool": "guests", "size_gib": 1}
OTHER = {"br1": {"nic": "enp4s0"}}
ON_OTHER = {"networks": {"lan2": {"kind": "bridge", "bridge": "br1"}}}
LAN2 = {"network": "lan2"}
EMPTY_FILE = hashlib.sha256(b"").hexdigest()
SHARED = {"web1": {"nics": {"vf0": {"vlan": None}}}}
OF_ONE = {**SHARED, "db": {"nics": None}}

# Rule, edits that keep it, edits that break it, and the place in the site that is named.
CASES: tuple[tuple[str, Edits, Edits, str], ...] = (
    (
        "data-disk-protected",
        web(allow=["restart", "link_loss"]),
        web(allow=["destroys_data"]),
        "guests.web1.allow",
    ),
    (
        "data-disk-protected",
        {"guests": {"web2": {"allow": ["destroys_data", "replace"]}}},
        {"guests": {"web2": {"allow": ["replace"], "disks": {"more": EMPTY}}}},
        "guests.web2.allow",
    ),
    (
        "no-unsafe-cache",
        data(cache="writeback"),
        data(cache="unsafe"),
        "guests.web1.disks.data.cache",
    ),
    (
        "critical-guest-watched",
        web(description="critical: the shop", watchdog="reset", panic_device=True),
        web(description="Critical: the shop", watchdog="reset"),
        "guests.web1",
    ),
    (
        "critical-guest-watched",
        web(description="not critical, and non-critical too"),
        web(description="business-critical"),
        "guests.web1",
    ),
    (
        "no-secret-in-cloud-init",
        boot(runcmd=["app --password-file /run/p", 'login --token "$TOKEN"']),
        boot(runcmd=["true", "app --password hunter2"]),
        "guests.web1.cloud_init.runcmd.1",
    ),
    (
        "no-default-password",
        boot(users={"admin": {"password": {"secret": "web_password"}}}),
        boot(users={"admin": {"password": {"secret": "short"}}}),
        "guests.web1.cloud_init.users.admin.password",
    ),
    (
        "no-secret-in-cloud-init",
        boot(user_data={"bootcmd": [["app", "--password-file", "/run/p"], ["true"]]}),
        boot(user_data={"bootcmd": [["app", "--password", "hunter2"], ["true"]]}),
        "guests.web1.cloud_init.user_data.bootcmd.0",
    ),
    (
        "no-default-password",
        {},
        boot(users={"admin": {"password": {"secret": "empty"}}}),
        "guests.web1.cloud_init.users.admin.password",
    ),
    (
        "no-default-password",
        boot(users={"admin": {"password": {"secret": "eight"}}}),
        boot(users={"admin": {"password": {"secret": "seven"}}}),
        "guests.web1.cloud_init.users.admin.password",
    ),
    (
        "no-default-password",
        {},
        boot(users={"correct-horse-battery": {"password": {"secret": "web_password"}}}),
        "guests.web1.cloud_init.users.correct-horse-battery.password",
    ),
    (
        "sudo-needs-key",
        boot(users={"admin": {"ssh_keys": None, "sudo": False}}),
        boot(users=NO_KEY),
        "guests.web1.cloud_init.users.admin.sudo",
    ),
    (
        "no-root-login",
        boot(users={"rooty": {"ssh_keys": [USER_KEY]}}),
        boot(users={"root": {"ssh_keys": [USER_KEY]}}),
        "guests.web1.cloud_init.users.root",
    ),
    (
        "no-root-login",
        boot(runcmd=["echo '# PermitRootLogin yes' >> /etc/ssh/sshd_config"]),
        boot(user_data={"write_files": [{"path": "/a", "content": "PermitRootLogin  yes\n"}]}),
        "guests.web1.cloud_init.user_data.write_files.0.content",
    ),
    (
        "no-root-login",
        boot(runcmd=["sed -i 's/^#*PermitRootLogin.*/PermitRootLogin no/' /etc/ssh/sshd_config"]),
        boot(runcmd=["sed -i 's/^#PermitRootLogin.*/PermitRootLogin yes/' /etc/ssh/sshd_config"]),
        "guests.web1.cloud_init.runcmd.0",
    ),
    (
        "no-root-login",
        packed("# PermitRootLogin=yes\n"),
        packed("PermitRootLogin=yes\n"),
        "guests.web1.cloud_init.user_data.write_files.0.content",
    ),
    (
        "image-digest",
        {"images": {"small": {"sha256": "0" * 63 + "1"}}},
        {"images": {"small": {"sha256": "0" * 64}}},
        "images.small.sha256",
    ),
    (
        "image-digest",
        {},
        {"images": {"small": {"sha256": EMPTY_FILE}}},
        "images.small.sha256",
    ),
    (
        "vf-trust-off",
        fast(defaults={"trust": False}),
        fast(defaults={"trust": True}),
        "hosts.h1.physical_functions.fast.defaults.trust",
    ),
    (
        "vf-trust-off",
        fast(fixed={"0": {"trust": False}}),
        fast(fixed={"0": {"trust": True}}),
        "hosts.h1.physical_functions.fast.fixed.0.trust",
    ),
    (
        "vf-spoof-check-on",
        fast(defaults={"spoof_check": True}),
        fast(defaults={"spoof_check": False}, fixed={"0": {"spoof_check": True}}),
        "hosts.h1.physical_functions.fast.defaults.spoof_check",
    ),
    (
        "no-secret-in-host-file",
        h1(files=FILE),
        h1(files=OPEN),
        "hosts.h1.files./etc/app.conf.content",
    ),
    (
        "host-file-not-for-all",
        h1(files=FILE),
        h1(files=EVERYBODY),
        "hosts.h1.files./etc/app.conf.mode",
    ),
    (
        "shared-card-vlan",
        {"guests": OF_ONE},
        {"guests": SHARED},
        "guests.web1.nics.vf0.vlan",
    ),
    (
        "management-not-bridged",
        {**h1(address="198.51.100.77", bridges=OTHER), **ON_OTHER, **web(nics={"lan0": LAN2})},
        h1(address="198.51.100.77"),
        "guests.web1.nics.lan0.network",
    ),
    (
        "memory-reserve",
        web(memory_max_mib=644),
        web(memory_max_mib=645),
        "hosts.h1.memory_mib",
    ),
    (
        "host-key-pinned",
        {"hosts": {"h2": {"host_keys": [f"{HOST_KEY}b", f"{HOST_KEY}c"]}}},
        {"hosts": {"h2": {"host_keys": [f"{HOST_KEY}a"]}}},
        "hosts.h2.host_keys",
    ),
    (
        "replicas-apart",
        {"guests": {"web3": {**site({})["guests"]["web2"], "memory_mib": 64}}},
        {"guests": {"web2": {"host": "h1", "memory_mib": 64}}},
        "guests.web2.host",
    ),
    (
        "replicas-apart",
        {"guests": {"web1": None, "web2": None, "web-1": WEB2, "web-2": {**WEB2, "host": "h1"}}},
        {"guests": {"web1": None, "web2": None, "web-1": WEB2, "web-2": WEB2}},
        "guests.web-2.host",
    ),
    (
        "no-memory-host",
        {},
        {"hosts": {"h2": MEMORY}},
        "hosts.h2.libvirt_uri",
    ),
    (
        "permission-not-left-on",
        {"guests": {"web1": {"allow": ["restart"]}, "db": {"allow": ["restart"]}}},
        {"allow": ["restart"]},
        "allow",
    ),
)
MORE_SECRETS = {
    **SECRETS,
    "short": "PassW0rd",
    "empty": "",
    "seven": "x7!kq_Z",
    "eight": "x7!kq_Z8",
}


def test_the_clean_site_breaks_no_rule() -> None:
    assert broken(registered(site({}))) == {}


@pytest.mark.parametrize(("rule", "keeps", "_breaks", "_place"), CASES)
def test_a_site_keeps_the_rule(rule: str, keeps: Edits, _breaks: Edits, _place: str) -> None:
    assert rule not in broken(registered(site(keeps), MORE_SECRETS))


@pytest.mark.parametrize(("rule", "_keeps", "breaks", "place"), CASES)
def test_a_site_breaks_the_rule_and_no_other(
    rule: str, _keeps: Edits, breaks: Edits, place: str
) -> None:
    found = broken(registered(site(breaks), MORE_SECRETS))
    # An image is a resource on each of its hosts.
    places = {name: {item.where for item in items} for name, items in found.items()}
    assert places == {rule: {place}}
    assert all(item.what and item.hint for items in found.values() for item in items)


def test_every_rule_has_its_two_sites() -> None:
    assert {case[0] for case in CASES} == {rule.name for rule in RULES}
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_a_stack_of_memory_hosts_only_is_for_tests() -> None:
    values = site({"hosts": {"h2": MEMORY}})
    values["guests"] = {"web2": {**values["guests"]["web2"]}}
    values["networks"] = {}
    values["hosts"]["h1"] = {"libvirt_uri": "test:///default"}
    assert broken(registered(values)) == {}


def test_the_readme_has_every_rule_as_it_is() -> None:
    rows = [f"| `{rule.name}` | {rule.level} | {rule.says} |" for rule in RULES]
    lines = (CHECKOUT / "README.md").read_text().splitlines()
    assert [
        line for line in lines if line.split(" | ")[1:2] in (["mandatory"], ["advisory"])
    ] == rows
