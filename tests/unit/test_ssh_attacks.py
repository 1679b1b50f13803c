"""Nothing that a site file or a machine says becomes an option, or a command, by way of ssh."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ssh_attacks import ATTACKS, HOST_NAMES, IN_A_PATH, KEYS, NAMES, PATHS

from guesthouse import render
from guesthouse.errors import SiteError
from guesthouse.machine.ssh import Endpoint, known_hosts_text, ssh_config_text
from guesthouse.provider.host import libvirt_uri
from guesthouse.render import Machine

KEY = "ssh-ed25519 AAAA"
Fields = Mapping[str, Any]
Writer = Callable[[Path, Fields], str]


def of_render(_folder: Path, fields: Fields) -> str:
    """The stack output ``ssh_config``: a host, and a guest behind it."""
    base: dict[str, Any] = {"port": 22, "user": "root", "identity_file": "", "host_keys": (KEY,)}
    host = {"name": "hv", "address": "192.0.2.7", "via": "", "is_guest": False}
    guest = {"name": "web", "address": "10.9.9.9", "via": "hv", "is_guest": True}
    machines = [Machine(**base, **host), Machine(**{**base, **guest, **fields})]
    return render.ssh_config("site/project/stack", machines)


def of_machine(folder: Path, fields: Fields) -> str:
    """Our own commands' file."""
    host = Endpoint("hv", "192.0.2.7", host_keys=(KEY,))
    base: dict[str, Any] = {"name": "web", "address": "10.9.9.9", "via": "hv", "host_keys": (KEY,)}
    endpoints = [host, Endpoint(**{**base, **fields})]
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(known_hosts_text(endpoints))
    return ssh_config_text(endpoints, str(known_hosts), str(folder))


WRITERS: dict[str, Writer] = {"render": of_render, "machine": of_machine}
# Field -> what passes, and how the refusal names it.
FIELDS: dict[str, tuple[tuple[str, ...], str]] = {
    "address": (HOST_NAMES, "HostName"),
    "name": (NAMES, "Host"),
    "user": (NAMES, "User"),
    "via": (NAMES, "ProxyJump"),
    "identity_file": (PATHS, "IdentityFile"),
    "host_keys": (KEYS, "host key"),
}
# Text that an option has no meaning for: "" is "none" there.
OPTIONAL = {"via", "identity_file"}


def field(name: str, value: str) -> dict[str, Any]:
    return {name: (value,) if name == "host_keys" else value}


def attacks(name: str) -> Iterator[str]:
    for kind, text in ATTACKS.items():
        harmless = name == "identity_file" and kind in IN_A_PATH
        if not harmless and not (kind == "empty" and name in OPTIONAL):
            yield text


def options(folder: Path, text: str, host: str) -> dict[str, list[str]]:
    """``ssh -G``: every option that ssh would use for a host."""
    config = folder / "ssh_config"
    config.write_text(text)
    command = ["ssh", "-G", "-F", str(config), "--", host]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition(" ")
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", FIELDS)
def test_every_attack_is_refused(name: str, writer: str, tmp_path: Path) -> None:
    """What is not refused is read by ssh, for the host too, which a Match would go for."""
    canary, passed = tmp_path / "canary", []
    for attack in attacks(name):
        text = attack.replace("{canary}", str(canary))
        try:
            written = WRITERS[writer](tmp_path, field(name, text))
        except SiteError as error:
            assert "\n  hint: " in str(error)
            assert str(error).startswith(f"ssh_config {FIELDS[name][1]}: ")
            assert str(error).isascii()
            continue
        passed.append(ascii(text)[:80])
        for host in ("hv", "web"):
            try:
                options(tmp_path, written, host)
            except (subprocess.CalledProcessError, UnicodeError, ValueError):
                continue
    assert (passed, canary.exists()) == ([], False)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", FIELDS)
def test_a_harmless_value_changes_its_own_option_alone(
    name: str, writer: str, tmp_path: Path
) -> None:
    own = {"address": {"hostname"}, "identity_file": {"identityfile", "identitiesonly"}}
    own |= {"name": {"host", "hostkeyalias"}, "user": {"user"}, "via": {"proxyjump"}}
    plain = {h: options(tmp_path, WRITERS[writer](tmp_path, {}), h) for h in ("hv", "web")}
    for value in FIELDS[name][0]:
        text = WRITERS[writer](tmp_path, field(name, value))
        changed = set()
        for host in ("hv", value if name == "name" else "web"):
            seen = options(tmp_path, text, host)
            before = plain["hv" if host == "hv" else "web"]
            changed |= {o for o in {*seen, *before} if seen.get(o) != before.get(o)}
        # A hash of where it goes.
        allowed = own.get(name, set()) | {"knownhostscommand", "controlpath"}
        assert changed <= allowed, value


@pytest.mark.parametrize("writer", WRITERS)
def test_a_path_is_one_word_whatever_it_looks_like(writer: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for kind in sorted(IN_A_PATH):
        path = "/k/" + ATTACKS[kind].replace("{canary}", str(canary))
        text = WRITERS[writer](tmp_path, {"identity_file": path})
        (seen,) = options(tmp_path, text, "web")["identityfile"]
        # Some versions print the escaped percent sign as it is in the file.
        assert seen in (path, path.replace("%", "%%"))
    assert not canary.exists()


@pytest.mark.parametrize("port", [0, 65536, -1, "22\n  ProxyCommand x", "", "2 2", "٢٢"])
def test_a_port_is_a_number_of_a_port(port: Any, tmp_path: Path) -> None:
    for write in WRITERS.values():
        assert "Port 65535\n" in write(tmp_path, {"port": 65535})
        with pytest.raises(SiteError):
            write(tmp_path, {"port": port})


CONNECTION: dict[str, Any] = {"name": "hv", "address": "192.0.2.7", "port": 22, "user": "root"}
CONNECTION |= {"identity_file": "/k/a b", "host_keys": [KEY]}


def test_no_value_becomes_another_part_of_the_plugins_uri() -> None:
    more = ("x/system?guesthouse_ssh_config=/x&guesthouse_mark=a#", "evil@192.0.2.8")
    for name in ("address", "name", "user"):
        for text in (*attacks(name), *more):
            with pytest.raises(SiteError):
                libvirt_uri({**CONNECTION, name: text}, "a/b/c")


def test_the_plugins_uri() -> None:
    rest = (
        "22/system?guesthouse_mark=a%2Fb%2Fc&guesthouse_ssh_name=hv"
        "&guesthouse_identity_file=%2Fk%2Fa+b&guesthouse_host_key=ssh-ed25519+AAAA"
    )
    assert libvirt_uri(CONNECTION, "a/b/c") == f"qemu+ssh://root@192.0.2.7:{rest}"
    by_ipv6 = libvirt_uri({**CONNECTION, "address": "2001:db8::9"}, "a/b/c")
    assert by_ipv6 == f"qemu+ssh://root@[2001:db8::9]:{rest}"


def test_the_refusal_as_a_user_reads_it() -> None:
    with pytest.raises(SiteError) as caught:
        Endpoint("web", "10.9.9.9\n  ProxyCommand sh -c 'id'")
    assert str(caught.value) == (
        "ssh_config HostName: this value cannot be written into an ssh configuration, got "
        "\"10.9.9.9\\n  ProxyCommand sh -c 'id'\", allowed a host name, or an IP address without "
        "scope\n"
        "  hint: mend it in the site file: address, port, user, identity_file, host_keys or name"
    )


def test_the_corpus_is_large_enough() -> None:
    counts = {name: len([*attacks(name)]) for name in FIELDS}
    assert counts.pop("identity_file") >= 60
    assert min(counts.values()) >= 80
