"""What an update of a guest may do in this version: repair drift, and edits that nobody feels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import libvirt

from guesthouse.effects import Change, Effect, domain_changes
from guesthouse.effects.units import parse
from guesthouse.errors import Problem, RefusedError
from guesthouse.provider.resource import Values


def is_drift(state: Values, inputs: Values) -> bool:
    """True when the program says what it said at the last `up`, and the machine differs."""
    return bool(state["declared"]["domain_xml"] == inputs["domain_xml"])


def refuse(state: Values, inputs: Values) -> None:
    """Raise RefusedError for every change that this version cannot do, all at once."""
    problems = [
        *_refused_domain(state, inputs),
        *_refused_disks(state, inputs),
        *_refused_seed(state, inputs),
    ]
    if problems:
        raise RefusedError(*problems)


def _refused_domain(state: Values, inputs: Values) -> list[Problem]:
    changes = domain_changes(state["domain_xml"], inputs["domain_xml"], is_drift(state, inputs))
    hint = (
        f"stop the guest (virsh shutdown {inputs['name']}); the next `up` starts it as declared"
        if is_drift(state, inputs)
        else "put the old value back, or remove the guest, run `up`, and declare it anew"
    )
    refused = [c for c in changes if c.effect is Effect.REFUSED]
    if state["power"] == "shut off" and is_drift(state, inputs):
        refused = []
    return [Problem(f"guest {inputs['name']}", f"{c}", hint=hint) for c in refused]


def _refused_disks(state: Values, inputs: Values) -> list[Problem]:
    if state["disks"] == inputs["disks"]:
        return []
    seen = {disk["volume"]: disk for disk in state["disks"]}
    problems = []
    for disk in inputs["disks"]:
        old = seen.get(disk["volume"])
        where = f"guest {inputs['name']} disk {disk['volume']}"
        if old is None:
            hint = "put its volume back, or remove the guest, run `up`, and declare it anew"
            problems.append(Problem(where, "is missing, with its data", hint=hint))
        elif old != disk:
            got, wanted = f"{old['size_bytes']} bytes", f"{disk['size_bytes']} bytes"
            what = "can't change its size or image yet"
            problems.append(Problem(where, what, got=got, allowed=wanted))
    return problems


def _refused_seed(state: Values, inputs: Values) -> list[Problem]:
    changed = state["seed"] and state["seed"] != inputs["seed"]
    if not changed and state["secrets"] == inputs["secrets"]:
        return []
    return [
        Problem(
            f"guest {inputs['name']} cloud_init",
            "changes can't reach a guest that has booted, yet",
            hint="put the old value back, or remove the guest, run `up`, and declare it anew",
        )
    ]


def live(domain: libvirt.virDomain, changes: Iterable[Change]) -> None:
    """Repair the running guest; its persistent definition is written by the caller."""
    if not domain.isActive():
        return
    running = parse(domain.XMLDesc(0))
    for change in changes:
        unit = parse(change.xml)
        if change.key[0] == "description":
            what = libvirt.VIR_DOMAIN_METADATA_DESCRIPTION
            text = unit.text if change.new else None
            domain.setMetadata(what, text, None, None, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        elif change.key[0] == "vcpu":
            domain.setVcpusFlags(
                int(unit.get("current", unit.text)), libvirt.VIR_DOMAIN_AFFECT_LIVE
            )
        elif change.key[0] == "currentMemory":
            domain.setMemoryFlags(int(unit.text), libvirt.VIR_DOMAIN_AFFECT_LIVE)
        elif change.effect is Effect.LIVE:
            _device(domain, change, running)


def _device(domain: libvirt.virDomain, change: Change, running: Any) -> None:
    """Attach what is missing, detach what somebody added; either may be in one place only."""
    present = _is_running(change, running)
    if change.old == "" and not present:
        domain.attachDeviceFlags(change.xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    elif change.new == "" and present:
        domain.detachDeviceFlags(change.xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _is_running(change: Change, running: Any) -> bool:
    kind, name = change.key[1], change.key[2] if len(change.key) > 2 else ""
    attribute = "target/@dev" if kind == "disk" else "mac/@address"
    return name in [str(v).lower() for v in running.xpath(f"devices/{kind}/{attribute}")]
