"""Reading site files: positions, the local part, key files, all problems at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guesthouse.errors import Problem, SiteError
from guesthouse.model import Guest, Site
from guesthouse.sitefile import SiteFile, nodes, read

SOUND = """\
site: lab
hosts:
  h1: {address: 192.0.2.1, host_keys: [ssh-ed25519 AAAA], bridges: {br0: {}}}
pools:
  guests: {hosts: [h1], path: /srv/guests}
images:
  small: {source: images/small.qcow2, sha256: "%s"}
networks:
  lan: {kind: bridge, bridge: br0}
guests:
  web:
    host: h1
    memory_mib: 512
    disks: {root: {pool: guests, image: small, size_gib: 4}}
    nics:
      lan0: {network: lan}
""" % ("0" * 64)


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stacks").mkdir()
    return tmp_path / "stacks"


def read_text(stacks: Path, text: str | bytes) -> SiteFile:
    path = stacks / "lab.site.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


def texts(file: SiteFile) -> list[str]:
    return [str(problem) for problem in file.problems]


def test_a_sound_file(stacks: Path) -> None:
    file = read_text(stacks, SOUND)
    assert texts(file) == []
    site = file.checked()
    assert site.guests["web"].memory_mib == 512
    assert site.images["small"].source == str(stacks / "images/small.qcow2")


def test_scalars_stay_text(stacks: Path) -> None:
    """YAML 1.1 would make a number of each of these, or a truth value, or a date."""
    text = SOUND + (
        "    description: 1e3\n    autostart: off\n    cloud_init:\n      packages: [012, 1.10]\n"
        "      runcmd: [no, 0x10, 2026-11-23, 'null', !!str null, 1_0]\n"
    )
    text = text.replace("{network: lan}", "{network: lan, mac: 52:54:00:12:34:56}")
    guest = read_text(stacks, text).checked().guests["web"]
    assert guest.nics["lan0"].mac == "52:54:00:12:34:56"
    assert (guest.description, guest.autostart) == ("1e3", False)
    assert guest.cloud_init is not None
    assert guest.cloud_init.packages == ("012", "1.10")
    assert guest.cloud_init.runcmd == ("no", "0x10", "2026-11-23", "null", "null", "1_0")


def test_aliases_and_merge_keys(stacks: Path) -> None:
    text = SOUND.replace("  web:\n", "  web: &base\n") + (
        "      lan1: &nic {network: lan, mac: 52:54:00:00:00:01}\n"
        "  db: {<<: *base, memory_mib: 1024, nics: {n0: {<<: [*nic, {gateway: 192.0.2.9}]}}}\n"
    )
    file = read_text(stacks, text)
    assert file.site is not None
    assert file.site.guests["db"].memory_mib == 1024
    assert file.site.guests["db"].vcpus == 1
    assert texts(file) == [
        "stacks/lab.site.yaml:17:33 guests.db.nics.n0.mac: is already the MAC address of "
        "guests.web.nics.lan1, got '52:54:00:00:00:01'",
        "stacks/lab.site.yaml:18:61 guests.db.nics.n0.gateway: a gateway needs an address of the "
        "NIC's own, got '192.0.2.9'\n  hint: declare 'address' too, or leave both to DHCP",
    ]


GUEST_KEYS = ", ".join(repr(key) for key in sorted(Guest.model_fields))
F = "stacks/lab.site.yaml"
EMPTY = f"{F}: the file is empty\n  hint: begin with 'site: NAME'"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{n}: &{n} [{','.join(['*' + p] * 9)}]\n" for p, n in zip("abcdef", "bcdefg", strict=True)
)
UNREADABLE: list[tuple[str | bytes, str]] = [
    ("", EMPTY),
    ("# nothing\n", EMPTY),
    ("~", EMPTY),
    ("- a", f"{F}:1:1: not a mapping\n  hint: begin with 'site: NAME'"),
    (
        "a:\n  b: [",
        f"{F}:3:1: not valid YAML: while parsing a flow node, did not find expected node content",
    ),
    (
        "a:\n\t- b",
        f"{F}:2:1: not valid YAML: while scanning for the next token, found character "
        "that cannot start any token\n  hint: YAML is indented by blanks, not by tabs",
    ),
    (b"a: b\nc: \xff", f"{F}:2:4: the file is not UTF-8 text, got 0xff"),
    ("ü: 1\nä: \x07", f"{F}:2:4: not valid YAML: control characters are not allowed: '\\x07'"),
    ("a: *b", f"{F}:1:4: not valid YAML: found undefined alias"),
    ("a: &x [*x]", f"{F}:1:4: contains itself through an alias"),
    ("<<: {a: &x {<<: *x}}", f"{F}:1:9: contains itself through an alias"),
    ("<<: [1]", f"{F}:1:6: '<<' merges mappings only"),
    (BOMB, f"{F}:6:4: aliases add more than 100000 values"),
    ("[" * 100_000, f"{F}:1:64: nested deeper than 64 levels"),
    ("- " * 5_000, f"{F}:1:127: nested deeper than 64 levels"),
    (
        "a: 1\n---\nb: 2",
        f"{F}:2:1: not valid YAML: expected a single document in the stream, "
        "but found another document",
    ),
]


@pytest.mark.parametrize(("text", "expected"), UNREADABLE, ids=lambda v: repr(v[:20]))
def test_what_cannot_be_read(stacks: Path, text: str | bytes, expected: str) -> None:
    file = read_text(stacks, text)
    assert file.site is None
    assert texts(file) == [expected]
    with pytest.raises(SiteError) as raised:
        file.checked(lambda site: [Problem("never", "called")])
    assert str(raised.value) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("  web: {}\n", f"{F}:17:3 guests.web: the key is here twice\n  hint: keep one of the two"),
        (
            "  ? [a]\n  : {}\n",
            f"{F}:17:5 guests: a key is not plain text\n  hint: write a name before the colon",
        ),
        (
            "    vcpus: !!int 2\n",
            f"{F}:17:12 guests.web.vcpus: YAML tags have no meaning here, "
            "got '!!int'\n  hint: take the tag away",
        ),
        (
            "    cloud_init: !x {}\n",
            f"{F}:17:17 guests.web.cloud_init: "
            "YAML tags have no meaning here, got '!x'\n  hint: take the tag away",
        ),
        (
            '    "a\\nb": 1\n',
            f"{F}:17:5 guests.web.'a\\nb': unknown key, allowed {GUEST_KEYS}",
        ),
    ],
)
def test_odd_yaml(stacks: Path, more: str, expected: str) -> None:
    file = read_text(stacks, SOUND + more)
    assert texts(file) == [expected]
    assert file.site is not None


def test_files_that_are_not_there(stacks: Path) -> None:
    assert texts(read(stacks / "x.yaml")) == [
        "stacks/x.yaml: cannot be read: no such file or directory"
    ]
    assert texts(read(stacks)) == ["stacks: is a folder\n  hint: name a site file"]
    assert texts(read(Path("a\0b"))) == [r"a\x00b: cannot be read: embedded null byte"]
    path = stacks / "lab.site.yaml"
    path.write_text(SOUND)
    assert texts(read(path, stacks / "local.yaml")) == [
        "stacks/local.yaml: cannot be read: no such file or directory"
    ]


def test_the_local_part(stacks: Path) -> None:
    local = stacks.parent / ".guesthouse" / "local" / "lab.site.yaml"
    local.parent.mkdir(parents=True)
    local.write_text(
        "hosts: {h1: {port: 2221, identity_file: ../lab/key}}\n"
        f"images:\n  small:\n    source: built.qcow2\n    sha256: {'1' * 64}\n"
        "guests: {web: {memory_mib: 1}}\n"
    )
    file = read_text(stacks, SOUND.replace("port", "prt") + "    vcpus: 0\n")
    assert texts(file) == [
        "stacks/lab.site.yaml:17:5 guests.web.vcpus: is too small, got '0', allowed at least 1",
        ".guesthouse/local/lab.site.yaml:6:16 guests.web.memory_mib: is too small, got '1', "
        "allowed at least 32",
    ]
    local.write_text(local.read_text().replace("memory_mib: 1}", "memory_mib: 64}"))
    site = read_text(stacks, SOUND).checked()
    assert (site.hosts["h1"].port, site.hosts["h1"].address) == (2221, "192.0.2.1")
    assert site.hosts["h1"].identity_file == str(local.parent / "../lab/key")
    assert site.images["small"].source == str(local.parent / "built.qcow2")
    assert site.guests["web"].memory_mib == 64
    local.write_text("\n")
    assert read_text(stacks, SOUND).checked().hosts["h1"].port == 22
    local.write_text("- a")
    assert texts(read_text(stacks, SOUND)) == [
        ".guesthouse/local/lab.site.yaml:1:1: not a mapping\n  hint: begin with 'site: NAME'"
    ]


def with_key(name: str) -> str:
    keys = f"[{{file: {json.dumps(name)}}}]"
    return SOUND + f"    cloud_init: {{users: {{admin: {{ssh_keys: {keys}}}}}}}\n"


KEY_PLACE = f"{F}:17:46 guests.web.cloud_init.users.admin.ssh_keys.0.file"


def test_key_files(stacks: Path) -> None:
    (stacks / "id.pub").write_text("# mine\n\nssh-ed25519 AAAA me@home\n")
    users = read_text(stacks, with_key("id.pub")).checked().guests["web"].cloud_init.users
    key = users["admin"].ssh_keys[0]
    assert (key.key, key.file) == ("ssh-ed25519 AAAA me@home", str(stacks / "id.pub"))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "k.pub",
            None,
            "the ssh key file does not exist, got '{}'\n"
            "  hint: name a public key file, as ~/.ssh/id_ed25519.pub",
        ),
        (
            ".guesthouse/lab/k.pub",
            None,
            "the ssh key file does not exist, got '{}'\n  hint: 'make up' makes it",
        ),
        (
            "k",
            "-----BEGIN OPENSSH PRIVATE KEY-----\n",
            "not an ssh public key file, got '{}'\n"
            "  hint: name a public key file, as ~/.ssh/id_ed25519.pub",
        ),
        (
            ".",
            None,
            "not an ssh public key file, got '{}'\n"
            "  hint: name a public key file, as ~/.ssh/id_ed25519.pub",
        ),
    ],
)
def test_bad_key_files(stacks: Path, name: str, content: str | None, expected: str) -> None:
    if content:
        (stacks / name).write_text(content)
    found = texts(read_text(stacks, with_key(name)))
    assert found == [f"{KEY_PLACE}: {expected.format(stacks / name)}"]


def test_more_checks_join_in(stacks: Path) -> None:
    def capacity(site: Site) -> list[Problem]:
        return [
            Problem("x", "too much", path=("guests", "web", "memory_mib", "deeper")),
            Problem("y", "follows from the bad name", path=("guests", "web", "vcpus")),
            Problem("somewhere", "without a path"),
        ]

    file = read_text(stacks, SOUND + "    vcpus: many\n")
    with pytest.raises(SiteError) as raised:
        file.checked(capacity)
    assert str(raised.value).splitlines() == [
        "somewhere: without a path",
        f"{F}:13:5 guests.web.memory_mib.deeper: too much",
        f"{F}:17:5 guests.web.vcpus: not a whole number, got 'many'",
    ]
    assert file.locate(Problem("", "x", path=("nowhere",))).where == f"{F}:1:1 nowhere"


def test_the_pure_loader_reads_the_same(stacks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def seen() -> tuple[Any, list[str]]:
        file = read_text(stacks, SOUND + "    vcpus: many\n")
        return file.site, texts(file)

    fast = seen()
    monkeypatch.setattr(nodes, "Loader", nodes.PureLoader)
    assert seen() == fast
    assert texts(read_text(stacks, "[" * 100)) == [f"{F}:1:64: nested deeper than 64 levels"]


def test_the_first_of_two_equal_keys_counts(stacks: Path) -> None:
    text = SOUND.replace("memory_mib: 512", "memory_mib: 1") + "  web: {memory_mib: 64}\n"
    assert [problem.where for problem in read_text(stacks, text).problems] == [
        f"{F}:13:5 guests.web.memory_mib",
        f"{F}:17:3 guests.web",
    ]
