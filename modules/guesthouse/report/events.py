"""The engine's event log -> steps and what was said.

One JSON object a line, as `apitype.EngineEvent` of the engine's SDK has them; the Automation API
reads the same log (https://pkg.go.dev/github.com/pulumi/pulumi/sdk/v3/go/common/apitype).
Secrets are blinded in it by the engine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from guesthouse.effects import Change, Effect
from guesthouse.errors import Problem

Values = Mapping[str, Any]

# Type -> noun. The stack, components and providers are nobody's machine.
KINDS = {
    "guesthouse:index:Host": "host",
    "guesthouse:index:PhysicalFunction": "physical function",
    "guesthouse:index:Network": "network",
    "guesthouse:index:VfNetwork": "network",
    "guesthouse:index:Guest": "guest",
    "guesthouse:index:Image": "image",
    "libvirt:index/pool:Pool": "pool",
}
# What a program has beside ours; who made it does not tell what a change of it costs.
OTHER = "other resource"
_ACTIONS = {
    "create": "created",
    "update": "changed",
    "delete": "deleted",
    "replace": "replaced",
    "create-replacement": "replaced",
    "delete-replaced": "replaced",
    "same": "unchanged",
}
# The engine's marks of colour, as in <{%reset%}>.
_COLOUR = re.compile(r"<\{%[^%]*%\}>")


@dataclass
class Step:
    """What becomes of one resource: ``action`` in words, inputs and outputs before, inputs after;
    its changes with their effects, and what is refused."""

    urn: str
    kind: str
    action: str
    old: Values = field(default_factory=dict)
    new: Values = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    refused: tuple[Problem, ...] = ()
    provider: str = ""


@dataclass
class Events:
    """All steps by URN, and lines by severity: (severity, text).

    ``seen`` is what `--refresh` found by URN: inputs and outputs, None for what is gone.
    ``summary`` is what the engine said in the end, empty when it came to none.
    """

    steps: dict[str, Step] = field(default_factory=dict)
    said: list[tuple[str, str]] = field(default_factory=list)
    seen: dict[str, Values | None] = field(default_factory=dict)
    summary: Values = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """Whether the engine came to an end, and was content."""
        return self.summary.get("result") == "succeeded"

    def state(self, deployment: Values) -> list[Values]:
        """The resources of a deployment, as they were found."""
        found: list[Values] = []
        for resource in deployment.get("resources") or ():
            seen = self.seen.get(str(resource["urn"]), resource)
            if seen is not None and not resource.get("delete"):
                values = {name: seen.get(name) or {} for name in ("inputs", "outputs")}
                found.append({"urn": resource["urn"], "type": resource["type"], **values})
        return found


def kind_of(type_or_urn: str) -> str:
    """``guest`` for the type or URN of a guest; "" for what is not a thing of a host."""
    parts = type_or_urn.split("::")
    kind = parts[2] if len(parts) > 2 else type_or_urn
    return KINDS.get(kind.rsplit("$", 1)[-1], "")


def read_events(lines: Iterable[str]) -> Events:
    """The events of a log. A last line that a killed engine left half written is left out."""
    found = Events()
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if "diagnosticEvent" in event:
            _hear(found, event["diagnosticEvent"])
        if "policyEvent" in event:
            _held(found, event["policyEvent"])
        found.summary = event.get("summaryEvent") or found.summary
        for name in ("resourcePreEvent", "resOutputsEvent"):
            if name in event:
                _step(found, event[name]["metadata"])
        if "resOutputsEvent" in event and event["resOutputsEvent"]["metadata"]["op"] == "refresh":
            metadata = event["resOutputsEvent"]["metadata"]
            found.seen[str(metadata["urn"])] = metadata.get("new")
    return found


def _hear(found: Events, said: Values) -> None:
    text = _COLOUR.sub("", str(said.get("message", ""))).strip()
    if said.get("severity") in ("warning", "error") and not said.get("ephemeral") and text:
        found.said.append((str(said["severity"]), text.removeprefix("error: ")))


def _held(found: Events, broken: Values) -> None:
    """A broken policy; its message is what the policy wants, and on further lines what is wrong."""
    wants, _, wrong = _COLOUR.sub("", str(broken.get("message", ""))).strip().partition("\n")
    severity = "warning" if broken.get("enforcementLevel") == "advisory" else "error"
    found.said.append((severity, f"policy {broken.get('policyName')}: {wrong or wants}"))


def _step(found: Events, metadata: Values) -> None:
    urn, action = str(metadata["urn"]), _ACTIONS.get(str(metadata["op"]))
    kind = kind_of(urn) or _other(metadata)
    if not kind or action is None:
        return
    step = found.steps.setdefault(urn, Step(urn, kind, action))
    step.action = "replaced" if "replaced" in (step.action, action) else action
    step.provider = str(metadata.get("provider") or "").rpartition("::")[0]
    old, new = metadata.get("old") or {}, metadata.get("new") or {}
    step.old = {**(old.get("inputs") or {}), **(old.get("outputs") or {})} or step.old
    step.new = new.get("inputs") or step.new
    told = (new.get("outputs") or {}).get("preview")
    if isinstance(told, Mapping):
        step.changes = tuple(map(_change, told["changes"]))
        step.refused = tuple(Problem(**problem) for problem in told["refused"])


def _other(metadata: Values) -> str:
    custom = any((metadata.get(side) or {}).get("custom") for side in ("old", "new"))
    return OTHER if custom and not str(metadata.get("type")).startswith("pulumi:") else ""


def _change(told: Values) -> Change:
    what, old, new, path, why = (
        str(told.get(name, "")) for name in ("what", "old", "new", "path", "why")
    )
    return Change(what, old, new, Effect(told["effect"]), path=path, why=why)
