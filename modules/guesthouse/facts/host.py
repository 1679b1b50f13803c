"""Facts of a host: files, packages, services, bridges, and what it can carry.

Every function gives one Question: one command, one round trip. Nothing is changed on the host.
"""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from guesthouse import told
from guesthouse.facts import document
from guesthouse.facts.question import Question


@dataclass(frozen=True)
class FileFact:
    """A regular file: its text (bytes that are no UTF-8 as ``\\xNN``), mode as ``0644``."""

    content: str
    mode: str
    owner: str
    group: str


@dataclass(frozen=True)
class ServiceFact:
    """A systemd unit, as ``systemctl is-enabled`` and ``is-active`` call it."""

    enabled: bool
    running: bool
    exists: bool


@dataclass(frozen=True)
class VlanFact:
    """A VLAN device: the NIC that it is on, and its number."""

    nic: str
    id: int


@dataclass(frozen=True)
class BridgeFact:
    """A Linux bridge: members (taps of guests too), addresses with prefix length, set up or not;
    ``vlans`` tells of those members that are VLAN devices."""

    members: tuple[str, ...]
    addresses: tuple[str, ...]
    up: bool
    vlans: Mapping[str, VlanFact] = field(default_factory=dict)


# systemctl(1), is-enabled: the states for which it exits with 0.
_ENABLED = {"enabled", "enabled-runtime", "static", "alias", "indirect", "generated"}


def files(paths: Iterable[str]) -> Question[dict[str, FileFact]]:
    """Regular files by path; a path that does not exist is absent in the answer.

    A file that exists but cannot be read fails the question: it must not look like absent.
    """
    wanted = tuple(paths)
    command = f"""
set -- {shlex.join(wanted)}
i=0
for f in "$@"; do
  if [ -f "$f" ]; then
    stat -L -c "$i %a %U %G" -- "$f" || exit 1
    base64 -w 0 -- "$f" || exit 1
    echo
  fi
  i=$((i + 1))
done
"""

    def parse(output: str) -> dict[str, FileFact]:
        lines = output.splitlines()
        found = {}
        for about, data in zip(lines[::2], lines[1::2], strict=True):
            index, mode, owner, group = about.split(" ")
            text = base64.b64decode(data).decode(errors="backslashreplace")
            found[wanted[int(index)]] = FileFact(text, mode.zfill(4), owner, group)
        return found

    return Question(command, parse)


def packages(names: Iterable[str]) -> Question[frozenset[str]]:
    """Those of the named packages that are installed whole (dpkg-query(1), else rpm(8))."""
    wanted = frozenset(names)
    text = shlex.join(sorted(wanted))
    if not wanted:
        return Question("true", lambda output: frozenset())
    # Both exit with 1 when a package is unknown, which is an answer and not a failure.
    command = f"""
if command -v dpkg-query >/dev/null; then
  dpkg-query -W -f '${{db:Status-Status}} ${{Package}}\\n' -- {text} 2>/dev/null
elif command -v rpm >/dev/null; then
  rpm -q --qf 'installed %{{NAME}}\\n' -- {text} 2>/dev/null
fi
true
"""

    def parse(output: str) -> frozenset[str]:
        pairs = (line.split(" ") for line in output.splitlines())
        return frozenset(p[1] for p in pairs if len(p) == 2 and p[0] == "installed") & wanted

    return Question(command, parse)


def services(names: Iterable[str]) -> Question[dict[str, ServiceFact]]:
    """systemd units by name; every asked unit is in the answer, with ``exists`` false if unknown.

    A static unit counts as enabled: another unit starts it, and it cannot be enabled otherwise.
    """
    wanted = tuple(names)
    command = f"""
set -- {shlex.join(wanted)}
for u in "$@"; do
  echo "= $u"
  systemctl show -p LoadState -p UnitFileState -p ActiveState -- "$u" 2>/dev/null || true
done
"""

    def parse(output: str) -> dict[str, ServiceFact]:
        parts = (part.splitlines() for part in f"\n{output}".split("\n= ")[1:])
        states = {name: dict(x.split("=", 1) for x in rest if "=" in x) for name, *rest in parts}
        return {name: _service(states[name]) for name in wanted}

    return Question(command, parse)


def _service(state: dict[str, str]) -> ServiceFact:
    return ServiceFact(
        enabled=state.get("UnitFileState", "") in _ENABLED,
        running=state.get("ActiveState", "") in ("active", "reloading"),
        exists=state.get("LoadState", "not-found") not in ("not-found", "masked"),
    )


def bridges(names: Iterable[str]) -> Question[dict[str, BridgeFact]]:
    """Linux bridges by name; what is missing or is no bridge is absent in the answer.

    Members are all ports, guests' taps (``vnet0``) too. Link-local addresses are left out.
    """
    wanted = tuple(names)

    def parse(output: str) -> dict[str, BridgeFact]:
        links = document.links(output)
        return {
            link["ifname"]: _bridge(link, links)
            for link in links
            if link["ifname"] in wanted and _kind(link) == "bridge"
        }

    return Question("ip -j -d address show", parse)


@dataclass(frozen=True)
class WayIn:
    """The interface and the address (with prefix length) that this ssh session came in by."""

    interface: str
    address: str


def way_in() -> Question[WayIn]:
    """Where ssh reaches the host; empty words when it does not say (ssh(1), SSH_CONNECTION)."""

    def parse(output: str) -> WayIn:
        session, _, answer = output.partition("\n")
        server = (session.split() + [""] * 3)[2].partition("%")[0]
        for link in document.links(answer):
            for address in _addresses(link):
                if server and address.partition("/")[0] == server:
                    return WayIn(link["ifname"], address)
        return WayIn("", "")

    return Question('echo "$SSH_CONNECTION"; ip -j address show', parse)


def _kind(link: dict[str, Any]) -> str:
    return str(link.get("linkinfo", {}).get("info_kind", ""))


def _bridge(link: dict[str, Any], links: list[dict[str, Any]]) -> BridgeFact:
    members = [x for x in links if x.get("master") == link["ifname"]]
    return BridgeFact(
        members=tuple(sorted(x["ifname"] for x in members)),
        addresses=_addresses(link),
        up="UP" in link.get("flags", []),
        vlans={
            x["ifname"]: VlanFact(x.get("link", ""), x["linkinfo"]["info_data"]["id"])
            for x in members
            if _kind(x) == "vlan"
        },
    )


def _addresses(link: dict[str, Any]) -> tuple[str, ...]:
    items = (a for a in link.get("addr_info", []) if a.get("scope") != "link")
    found = (told.interface(a.get("local"), a.get("prefixlen")) for a in items)
    return tuple(address for address in found if address)
