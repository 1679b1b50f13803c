"""All problems at once: mixed kinds in one report, and nothing that only follows from another."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guesthouse.errors import SiteError
from guesthouse.model import Guest, rules
from guesthouse.sitefile import SiteFile, read

SOUND = """\
site: broken
hosts:
  h1:
    address: 192.0.2.10
    host_keys: [ssh-ed25519 AAAA]
    bridges: {br0: {nic: enp1s0, address: 10.90.0.1/24}}
  h2:
    address: 192.0.2.11
    host_keys: [ssh-ed25519 AAAA]
pools:
  guests: {hosts: [h1], path: /srv/guests}
  other: {hosts: [h2], path: /srv/guests}
images:
  debian13: {source: images/debian13.qcow2, sha256: @SHA@}
networks:
  lan: {kind: bridge, bridge: br0}
  nat: {kind: nat, subnet: 10.77.0.0/24}
  odd: {kind: isolated, subnet: 10.78.0.0/24}
guests:
  web:
    host: h1
    vcpus: 4
    vcpus_max: 8
    memory_mib: 512
    disks: {root: {pool: guests, image: debian13, size_gib: 4}}
    nics:
      lan0: {network: lan, address: 10.90.0.11/24}
      nat0: {network: nat, address: 10.77.0.5/24, mac: 52:54:00:00:00:01}
      odd0: {network: odd}
  db:
    host: h2
    memory_mib: 512
    autostart: no
    disks: {root: {pool: other, image: debian13, size_gib: 4}}
    nics:
      nat0: {network: nat, mac: 52:54:00:00:00:02}
  mail:
    host: h1
    memory_mib: 512
    disks: {root: {pool: guests, image: debian13, size_gib: 4}}
    nics:
      lan0: {network: lan, address: 10.90.0.12/24}
""".replace("@SHA@", "4" * 64)

# What a person does wrong, and the one message about it.
GUEST_KEYS = ", ".join(repr(key) for key in sorted(Guest.model_fields))
SLIPS: list[tuple[str, str, str]] = [
    (
        "4" * 64,
        "12ab",
        "14:45 images.debian13.sha256: does not have the right form, got '12ab', "
        "allowed 64 hexadecimal digits",
    ),
    (
        "subnet: 10.78.0.0/24",
        "subnet: 10.78.0.0/33",
        "18:25 networks.odd.subnet: "
        "does not appear to be an IPv4 or IPv6 network, got '10.78.0.0/33'",
    ),
    (
        "vcpus_max: 8",
        "vcpus_max: 2",
        "23:5 guests.web.vcpus_max: is less than 'vcpus', got 2, allowed at least 4",
    ),
    (
        "memory_mib: 512\n    disks: {root: {pool: guests",
        "memory_mib: 512MiB\n    disks: {root: {pool: guests",
        "24:5 guests.web.memory_mib: not a whole number, got '512MiB'",
    ),
    (
        "{network: lan, address: 10.90.0.11",
        "{network: lna, address: 10.90.0.11",
        "27:14 "
        "guests.web.nics.lan0.network: unknown network, got 'lna', allowed 'lan', 'nat', 'odd'\n"
        "  hint: did you mean 'lan'?",
    ),
    (
        "10.77.0.5/24",
        "10.79.0.5/24",
        "28:28 guests.web.nics.nat0.address: is outside the subnet "
        "of network 'nat', got '10.79.0.5/24', allowed 10.77.0.0/24",
    ),
    (
        "autostart: no",
        "autostrat: no",
        f"33:5 guests.db.autostrat: unknown key, allowed {GUEST_KEYS}\n"
        "  hint: did you mean 'autostart'?",
    ),
    (
        "pool: other",
        "pool: guests",
        "34:20 guests.db.disks.root.pool: the pool is not on host "
        "'h2', got 'guests', allowed 'other'\n  hint: add 'h2' to pools.guests.hosts",
    ),
    (
        "mac: 52:54:00:00:00:02",
        "mac: 52:54:00:00:00:01",
        "36:28 guests.db.nics.nat0.mac: is "
        "already the MAC address of guests.web.nics.nat0, got '52:54:00:00:00:01'",
    ),
    (
        "10.90.0.12/24",
        "10.90.0.1/24",
        "42:28 guests.mail.nics.lan0.address: is already the "
        "address of hosts.h1.bridges.br0, got '10.90.0.1/24'",
    ),
]
HOST_KEYS = (
    "'acceleration', 'address', 'boots_at_once', 'bridges', 'files', 'host_keys', "
    "'identity_file', 'libvirt_uri', 'maintenance', 'memory_mib', 'packages', "
    "'physical_functions', 'port', 'services', 'user', 'vcpus'"
)
# One slip each that much else refers to.
ROOTS: list[tuple[str, str, str]] = [
    (
        "kind: bridge",
        "kind: brigde",
        "16:9 networks.lan.kind: unknown kind, got 'brigde', "
        "allowed 'bridge', 'nat', 'routed', 'isolated', 'sriov'",
    ),
    (
        "kind: nat",
        "knd: nat",
        "17:3 networks.nat.kind: is required, "
        "allowed 'bridge', 'nat', 'routed', 'isolated', 'sriov'",
    ),
    (
        "    bridges: {br0",
        "    brigdes: {br0",
        "6:5 hosts.h1.brigdes: unknown key, allowed " + HOST_KEYS + "\n"
        "  hint: did you mean 'bridges'?",
    ),
    (
        "{br0: {nic: enp1s0, address: 10.90.0.1/24}}",
        "br0",
        "6:5 hosts.h1.bridges: not a mapping, got 'br0'",
    ),
    (
        "{br0: {nic: enp1s0, address: 10.90.0.1/24}}",
        "{br0: 10.90.0.1/24}",
        "6:15 hosts.h1.bridges.br0: not a mapping, got '10.90.0.1/24'",
    ),
    (
        "\npools:\n",
        "\npols:\n",
        "10:1 pols: unknown key, allowed 'allow', 'devices', 'guests', 'hosts', "
        "'images', 'lab', 'networks', 'pools', 'site'\n  hint: did you mean 'pools'?",
    ),
    (
        "[ssh-ed25519 AAAA]\n    bridges",
        "[AAAA]\n    bridges",
        "5:17 hosts.h1.host_keys.0: does "
        "not have the right form, got 'AAAA', allowed an ssh host key without a comment, as "
        "'ssh-ed25519 AAAA...'",
    ),
    (
        "address: 192.0.2.10",
        "adress: 192.0.2.10",
        "4:5 hosts.h1.adress: unknown key, allowed " + HOST_KEYS + "\n"
        "  hint: did you mean 'address'?",
    ),
    (
        "{hosts: [h1], path: /srv/guests}",
        "{hosts: h1, path: /srv/guests}",
        "11:12 pools.guests.hosts: not a list, got 'h1'",
    ),
    (
        "disks: {root: {pool: other, image: debian13, size_gib: 4}}",
        "disks: {root: debian13}",
        "34:13 guests.db.disks.root: not a mapping, got 'debian13'",
    ),
    (
        "image: debian13, size_gib: 4}}\n    nics:\n      nat0",
        "image: [a], size_gib: 4}}\n    nics:\n      nat0",
        "34:33 guests.db.disks.root.image: not a text, got a list",
    ),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stacks").mkdir()
    return tmp_path / "stacks"


def read_text(folder: Path, text: str | bytes) -> SiteFile:
    path = folder / "lab.site.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


def slipped(*slips: tuple[str, str, str]) -> str:
    text = SOUND
    for before, after, _ in slips:
        assert before in text
        text = text.replace(before, after, 1)
    return text


def test_ten_slips_are_ten_messages(folder: Path) -> None:
    assert read_text(folder, SOUND).problems == ()
    with pytest.raises(SiteError) as raised:
        read_text(folder, slipped(*SLIPS)).checked()
    expected = [f"stacks/lab.site.yaml:{message}" for _, _, message in SLIPS]
    assert [str(problem) for problem in raised.value.problems] == expected


@pytest.mark.parametrize("slip", [*SLIPS, *ROOTS], ids=lambda slip: slip[1][:30])
def test_one_slip_is_one_message(folder: Path, slip: tuple[str, str, str]) -> None:
    file = read_text(folder, slipped(slip))
    assert [str(p) for p in file.problems] == [f"stacks/lab.site.yaml:{slip[2]}"]
    assert file.site is not None


def sound_or_problems(folder: Path, text: str | bytes) -> None:
    """Nothing but a site or located problems; whatever could be saved can be checked on."""
    file = read_text(folder, text)
    assert (file.site is None) <= bool(file.problems)
    for problem in file.problems:
        assert problem.where.startswith("stacks/lab.site.yaml")
        assert problem.what
    try:
        assert rules.problems(file.checked()) == []
    except SiteError as error:
        assert len(error.problems) == len(file.problems) > 0


many = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@many
@given(text=st.one_of(st.text(), st.binary()))
def test_any_text(folder: Path, text: str | bytes) -> None:
    sound_or_problems(
        folder, text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    )


PIECES = [
    "{}",
    "[]",
    "null",
    "5",
    "- a",
    "&a",
    "*a",
    "<<: ",
    "!x ",
    ":",
    "\n",
    "  ",
    "h1",
    '"',
    "\t",
]


@many
@given(data=st.data())
def test_any_mutation(folder: Path, data: st.DataObject) -> None:
    text = SOUND
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        piece = data.draw(st.sampled_from(PIECES) | st.text(max_size=5))
        text = text[:start] + piece + text[end:]
    sound_or_problems(folder, text.encode("utf-8", "replace"))


@many
@given(data=st.data())
def test_any_value_at_any_place(folder: Path, data: st.DataObject) -> None:
    lines = SOUND.splitlines()
    for _ in range(data.draw(st.integers(1, 8))):
        index = data.draw(st.integers(0, len(lines) - 1))
        key = lines[index].split(":")[0]
        if data.draw(st.booleans()):
            lines[index] = f"{key}: {data.draw(st.sampled_from(['', '{}', '[x]', 'h9', '{a: b}']))}"
        else:
            del lines[index]
            lines = lines or ["a: b"]
    sound_or_problems(folder, "\n".join(lines))
