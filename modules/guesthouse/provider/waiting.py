"""Waiting until a new guest answers: agent, lease, ARP and ssh side by side, with a deadline."""

from __future__ import annotations

import itertools
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import libvirt

from guesthouse import told
from guesthouse.errors import MachineError
from guesthouse.facts.document import json_value
from guesthouse.machine import guest_agent
from guesthouse.machine.connections import HostConnection

POLL_S = 2.0
# Asking sshd costs the host a login and a process each time; a booting guest needs that time.
SCAN_EVERY = 6
# sshd's keys are there before it listens, and cloud-init's config stage restarts it: it sets
# passwords and sshd's own settings (https://docs.cloud-init.io/en/latest/explanation/boot.html).
CLOUD_INIT_STATUS = "/run/cloud-init/status.json"
TCP_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
LISTENING, SSH_PORT = "0A", ":0016"
HOST_KEY_FILES = ("/etc/ssh/ssh_host_ed25519_key.pub", "/etc/ssh/ssh_host_ecdsa_key.pub")
LOG_TAIL_BYTES = 1500
# Of what is no address, so many are said.
_SHOWN = 3


@dataclass
class Evidence:
    """What the guest has told so far. ``addresses`` are by NIC name, without prefix length;
    ``not_yet`` is why nobody can log in although the keys are known, which are left out then;
    ``left_out`` is what was told for an address and is none, ready to be shown."""

    agent: bool = False
    addresses: dict[str, list[str]] = field(default_factory=dict)
    ssh_host_keys: list[str] = field(default_factory=list)
    not_yet: str = ""
    left_out: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        found = [f"{nic} {', '.join(a)}" for nic, a in self.addresses.items() if a]
        odd = f", left out {', '.join(self.left_out)}: no address" if self.left_out else ""
        return (
            f"agent {'answers' if self.agent else 'silent'}; "
            f"addresses {'; '.join(found) or 'none'}{odd}; "
            f"ssh {'answers' if self.ssh_host_keys else self.not_yet or 'silent'}"
        )


def wait_for_guest(
    host: HostConnection,
    domain: libvirt.virDomain,
    inputs: Mapping[str, Any],
    say: Callable[[str], None],
) -> tuple[Evidence, str]:
    """Wait until the guest answers; (evidence, reason) with an empty reason when it did.

    A guest with a login has answered when one can log in: the agent (a channel that only the host
    can reach) tells its ssh host keys, that sshd listens and that cloud-init has set it up; without
    an agent its sshd has to answer the host. One without a login has answered at the first sign
    of life.
    """
    deadline = time.monotonic() + float(inputs["timeout_s"])
    evidence, last_said = Evidence(), ""
    for turn in itertools.count():
        if not domain.isActive():
            return evidence, _reason(host, inputs, evidence, "it stopped while it was booting")
        _look(domain, inputs, evidence)
        if is_scan_due(turn, evidence):
            evidence.ssh_host_keys = _scanned(host, domain, inputs, evidence)
        if evidence.ssh_host_keys if inputs["login"] else _alive(evidence):
            return evidence, ""
        if str(evidence) != last_said and _alive(evidence):
            last_said = str(evidence)
            say(f"{inputs['name']}: {last_said}")
        if time.monotonic() > deadline:
            limit = f"no answer within {inputs['timeout_s']} s"
            return evidence, _reason(host, inputs, evidence, limit)
        time.sleep(POLL_S)
    raise AssertionError("an endless loop")


def is_scan_due(turn: int, evidence: Evidence) -> bool:
    """Is sshd itself to be asked now? Not where the agent says that nobody can log in yet; one that
    said so and fell silent since is no longer waited for alone."""
    if evidence.ssh_host_keys or (evidence.agent and evidence.not_yet):
        return False
    return turn % SCAN_EVERY == 0 or (_alive(evidence) and not evidence.not_yet)


def _alive(evidence: Evidence) -> bool:
    return evidence.agent or bool(evidence.left_out) or any(evidence.addresses.values())


def _look(
    domain: libvirt.virDomain,
    inputs: Mapping[str, Any],
    evidence: Evidence,
    answers: Callable[[libvirt.virDomain], bool] = guest_agent.ping,
) -> None:
    evidence.agent = answers(domain)
    evidence.left_out = []
    evidence.addresses = look_addresses(domain, inputs, evidence.agent, evidence.left_out)
    if evidence.agent:
        try:
            texts = [guest_agent.read_file(domain, path) for path in HOST_KEY_FILES]
            keys = told.host_keys(texts)
            evidence.not_yet = _not_yet(domain) if keys else ""
            evidence.ssh_host_keys = [] if evidence.not_yet else keys
        except libvirt.libvirtError:
            # It fell silent in the midst: nothing of it is known until it speaks again.
            evidence.agent = False


def _not_yet(domain: libvirt.virDomain) -> str:
    """Why nobody can log in yet, as its agent sees it, or ""."""
    if is_setting_up(guest_agent.read_file(domain, CLOUD_INIT_STATUS)):
        return "waits for cloud-init"
    tables = [guest_agent.read_file(domain, path) for path in TCP_TABLES]
    return "" if is_listening(tables) else "does not listen yet"


def is_setting_up(status: str | None) -> bool:
    """Is cloud-init before the end of its config stage? ``status`` is its status.json, or None."""
    try:
        return not json_value(status or "")["v1"]["modules-config"]["finished"]
    except (ValueError, KeyError, TypeError):
        # No cloud-init, or nothing that it would write: whether sshd listens decides alone.
        return False


def is_listening(tables: Iterable[str | None]) -> bool:
    """Does any address listen on ssh's port, by the kernel's tables of TCP sockets (proc(5))?

    A guest whose agent gives none is believed to.
    """
    readable = [table for table in tables if table]
    rows = [line.split() for table in readable for line in table.splitlines()[1:]]
    return not readable or any(
        row[1].endswith(SSH_PORT) and row[3] == LISTENING for row in rows if len(row) > 3
    )


def look_addresses(
    domain: libvirt.virDomain,
    inputs: Mapping[str, Any],
    agent: bool,
    left_out: list[str] | None = None,
) -> dict[str, list[str]]:
    """IPv4 and IPv6 addresses by NIC name, from agent, leases and the host's ARP table.

    What is told and is no address goes into ``left_out``, ready to be shown, at most three.
    """
    names = {nic["mac"].lower(): nic["name"] for nic in inputs["nics"]}
    sources = [
        libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
        libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP,
    ]
    if agent:
        sources.insert(0, libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT)
    found: dict[str, list[str]] = {}
    for source in sources:
        for mac, text in _ask_addresses(domain, source):
            if mac not in names:
                continue
            address = told.address(text)
            if address is None:
                if left_out is not None and len(left_out) < _SHOWN:
                    left_out.append(told.shown(text))
            elif told.is_public(address) and address not in found.setdefault(names[mac], []):
                found[names[mac]].append(address)
        if source == libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT and found:
            break
    return found


def _ask_addresses(domain: libvirt.virDomain, source: int) -> Iterator[tuple[str, object]]:
    """(MAC, what is told for its address): libvirt hands over an agent's words as they are."""
    try:
        interfaces = domain.interfaceAddresses(source, 0)
    except libvirt.libvirtError:
        return
    for interface in interfaces.values():
        for item in interface["addrs"] or []:
            yield str(interface["hwaddr"]).lower(), item["addr"]


def _scanned(
    host: HostConnection,
    domain: libvirt.virDomain,
    inputs: Mapping[str, Any],
    evidence: Evidence,
) -> list[str]:
    """What sshd itself tells, unless the agent was only slow: it knows more than sshd."""
    keys = _scan(host, inputs, evidence)
    if keys and not evidence.agent:
        _look(domain, inputs, evidence, guest_agent.is_there)
        if evidence.agent:
            return [] if evidence.not_yet else evidence.ssh_host_keys or keys
    return keys


def _scan(host: HostConnection, inputs: Mapping[str, Any], evidence: Evidence) -> list[str]:
    """The guest's ssh host keys as its host sees them."""
    candidates = [inputs["address"], *(a for found in evidence.addresses.values() for a in found)]
    for address in dict.fromkeys(a for a in map(told.address, candidates) if a):
        command = f"ssh-keyscan -T 3 -t ed25519,ecdsa -- {shlex.quote(address)} 2>/dev/null || true"
        lines = host.run(command).splitlines()
        keys = told.host_keys(line.partition(" ")[2] for line in lines if not line.startswith("#"))
        if keys:
            return sorted(keys)
    return []


def _reason(host: HostConnection, inputs: Mapping[str, Any], evidence: Evidence, what: str) -> str:
    path = shlex.quote(str(inputs["serial_log"]))
    try:
        tail = host.root(f"tail -c {LOG_TAIL_BYTES} -- {path} 2>/dev/null || true")
    except MachineError as error:
        tail = str(error)
    lines = "\n".join(f"    {line.rstrip()}" for line in tail.splitlines()[-15:])
    return (
        f"guest {inputs['name']}: {what}; last seen: {evidence}\n"
        f"  hint: the guest stays as it is, `up` waits again; its serial log ends with:\n"
        f"{lines or '    (nothing)'}"
    )
