"""What a guest says about itself: this machine is asked for real, accounts and oddities as text."""

from __future__ import annotations

import base64
import json
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from guesthouse.facts import accounts, inside
from guesthouse.facts.accounts import UserFact
from guesthouse.facts.inside import CloudInitFact, NicFact, RoutingFact
from guesthouse.facts.question import ask
from guesthouse.facts.together import NotAnswered


def here(command: str) -> str:
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout


def test_this_machine_answers() -> None:
    fact = ask(here, inside.inside(["root", "nobody-has-this-name"], ["bash", "no-such-package"]))
    assert not isinstance(fact.system, NotAnswered)
    assert fact.system.hostname == platform.node()
    assert fact.system.machine_id == Path("/etc/machine-id").read_text().strip()
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    assert memory_kib // 1024 <= fact.system.memory_mib <= memory_kib // 1024 * 1.2 + 64
    assert fact.system.firmware == ("uefi" if Path("/sys/firmware/efi").is_dir() else "bios")
    assert not isinstance(fact.users, NotAnswered)
    assert list(fact.users) == ["root"]
    assert fact.users["root"].shell == here("getent passwd root | cut -d: -f7").strip()
    assert fact.packages == {"bash"}


def test_system() -> None:
    output = (
        "hostname web\nmachine_id 0123\nkey ssh-rsa BBBB root@web\nkey ssh-ed25519 AAAA\n"
        "firmware uefi\nvcpus 2\npages 4096 3998 258066\ndisk 8388608 root\ndisk 2097152 \n"
        "root /dev/vda1 3800000 100 200 5% /\n"
    )
    system = inside._system(output)
    assert system == inside.SystemFact(
        hostname="web",
        machine_id="0123",
        host_keys=("ssh-ed25519 AAAA", "ssh-rsa BBBB"),
        firmware="uefi",
        vcpus=2,
        memory_mib=1024,
        disks={"root": 4 << 30},
        root_bytes=3800000 * 1024,
    )


def test_nics() -> None:
    addresses = [
        {"local": "10.9.0.11", "prefixlen": 24, "scope": "global"},
        {"local": "fe80::1", "prefixlen": 64, "scope": "link"},
        {"local": "2001:db8::5", "prefixlen": 64, "scope": "global"},
    ]
    links = [
        {"ifname": "lo", "link_type": "loopback", "address": "00:00:00:00:00:00"},
        {},
        {
            "ifname": "lan0",
            "link_type": "ether",
            "address": "52:AB:00:00:00:01",
            "addr_info": addresses,
        },
    ]
    assert inside._nics(json.dumps(links)) == {
        "52:ab:00:00:00:01": NicFact("lan0", ("10.9.0.11/24", "2001:db8::5/64"))
    }


def test_routing() -> None:
    output = (
        "default via 10.9.0.1 dev lan0 proto static \n"
        "default dev tun0 scope link\n"
        "default via fe80::1 dev lan0 metric 1024\n"
        "nameserver 127.0.0.53\nnameserver 10.9.0.53\nnameserver 10.9.0.53\n"
    )
    assert inside._routing(output) == RoutingFact(
        {"lan0": ("10.9.0.1", "fe80::1")}, ("127.0.0.53", "10.9.0.53")
    )


def test_cloud_init() -> None:
    parse = inside.cloud_init().parse
    assert parse("") == CloudInitFact(False, ())
    assert parse('{"v1": {"datasource": "DataSourceNoCloud", "errors": []}}') == CloudInitFact(
        True, ()
    )
    assert parse('{"v1": {"errors": ["(\'runcmd\', 1)"]}}') == CloudInitFact(
        True, ("('runcmd', 1)",)
    )


@pytest.mark.parametrize(
    ("status", "password"),
    [("P", "set"), ("PS", "set"), ("L", "locked"), ("LK", "locked"), ("NP", "empty"), ("", None)],
)
def test_accounts(status: str, password: str | None) -> None:
    keys = base64.b64encode(b"# mine\n\nssh-ed25519 AAAA me\n  ssh-rsa BBBB\n").decode()
    output = (
        f"user admin /bin/sh\nsudo admin yes\npassword admin {status}\nkeys admin {keys}\n"
        "user other /bin/bash\n"
        "user bare /bin/sh\nsudo bare no\npassword bare L\nkeys bare \n"
    )
    assert accounts.users(["admin", "other", "bare"]).parse(output) == {
        "admin": UserFact("/bin/sh", password, ("ssh-ed25519 AAAA me", "ssh-rsa BBBB"), True),
        "other": UserFact("/bin/bash", None, None, None),
        "bare": UserFact("/bin/sh", "locked", (), False),
    }


# One of a virtual function, one of virtio; the loopback has no device.
DRIVERS = "lan0 virtio_net\nvf0 igbvf\n\n"


def links(*names: str) -> str:
    """As `ip -j address show` tells them."""
    rows = [
        {"ifname": name, "link_type": "ether", "address": f"52:00:00:00:00:0{index}"}
        for index, name in enumerate(names)
    ]
    return json.dumps(rows)


@pytest.mark.parametrize(
    ("about", "drivers"),
    [
        (DRIVERS, ["virtio_net", "igbvf", ""]),
        # Nothing has a driver: then there is only the blank line.
        ("\n", ["", "", ""]),
    ],
)
def test_drivers_of_nics(about: str, drivers: list[str]) -> None:
    found = inside._nics(about + links("lan0", "vf0", "br0"))
    assert [nic.name for nic in found.values()] == ["lan0", "vf0", "br0"]
    assert [nic.driver for nic in found.values()] == drivers


def pinging(tmp_path: Path, answers: str) -> Callable[[str], str]:
    """A runner whose ping hears an answer of these addresses (a shell pattern)."""
    script = (
        f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\necho 1 packets\n'
        f'for last; do :; done\ncase "$last" in {answers}) exit 0;; esac\nexit 1\n'
    )
    (tmp_path / "ping").write_text(script)
    (tmp_path / "ping").chmod(0o755)
    return lambda command: here(f"PATH={tmp_path}:$PATH; {command}")


def test_who_answers_to_pings(tmp_path: Path) -> None:
    question = inside.pings([("vf0", "10.6.0.12"), ("vf1", "10.6.0.13")])
    assert ask(pinging(tmp_path, "127.0.0.1|10.6.0.12"), question) == {"10.6.0.12"}
    assert (tmp_path / "asked").read_text().splitlines()[1:] == [
        f"-q -c 3 -i 0.3 -W 3 -I {nic} -- {address}"
        for nic, address in (("vf0", "10.6.0.12"), ("vf1", "10.6.0.13"))
    ]
    assert ask(here, inside.pings([])) == frozenset()


def test_nobody_answers_to_pings_and_that_is_an_answer(tmp_path: Path) -> None:
    question = inside.pings([("no such", "10.6.0.12; echo 10.6.0.12")])
    assert ask(pinging(tmp_path, "127.0.0.1"), question) == frozenset()


def test_who_may_not_ping_has_heard_nothing(tmp_path: Path) -> None:
    question = inside.pings([("vf0", "10.6.0.12")])
    with pytest.raises(subprocess.CalledProcessError):
        ask(pinging(tmp_path, "10.6.0.12"), question)
