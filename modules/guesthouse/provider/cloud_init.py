"""What a changed cloud-init seed means for a guest that has booted.

cloud-init reads its seed at every boot; most of it is done once per instance id, some of it each
time (https://docs.cloud-init.io/en/latest/reference/modules.html says which, module by module).
So a guest that is to do it all again becomes another instance. An id is never used twice: what
was done once under an id is not done again when the guest gets that id back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from guesthouse.effects import CHANGED, THERE, Change, Effect
from guesthouse.provider import guest_disks
from guesthouse.provider.resource import Values

_EACH_BOOT = frozenset(
    (
        "bootcmd",
        "final_message",
        "growpart",
        "manage_etc_hosts",
        "network-config",
        "resize_rootfs",
        "updates",
    )
)
# The paths of changes that are told to cloud-init in these ways.
_RERUN, _ANEW = "(cloud_init rerun)", "(cloud_init replace)"
# Written beside what it belongs to.
_SAID_WITH = {"package_update": "packages"}
_LATER = "takes effect at its next boot"
_KEPT = "ran at first boot, this guest keeps what it has"


def changes(state: Values, inputs: Values) -> Iterator[Change]:
    """What changes for the guest, part by part: top-level keys of the user-data, network-config.

    Compared is what was declared last: a seed that somebody removed is only put back.
    """
    old, new = state["declared"]["seed"] or {}, inputs["seed"] or {}
    if bool(old) != bool(new):
        why = _KEPT if old else "runs at its next boot"
        words = (THERE, "") if old else ("", THERE)
        yield Change("cloud_init", words[0], words[1], Effect.NONE, why=why)
    if not (old and new):
        return
    if not state["seed"]:
        yield Change("cloud_init seed", "", THERE, Effect.NONE, why="it is missing on the host")
    was, is_ = (str(seed.get("on_change") or "keep") for seed in (old, new))
    if was != is_:
        why = "for what changes from now on"
        yield Change("cloud_init on_change", was, is_, Effect.NONE, why=why)
    running = bool(state.get("room"))
    changed = _changed(_parts(old["files"]), _parts(new["files"]))
    if state["secrets"] != inputs["secrets"]:
        changed.append("secrets")
    for part in changed:
        yield _change(f"cloud_init {part}", "keep" if part in _EACH_BOOT else is_, running, part)


def _change(what: str, on_change: str, running: bool, part: str) -> Change:
    if on_change == "replace":
        why = "its system disk is made anew"
        return Change(what, "", CHANGED, Effect.REPLACE, path=_ANEW, why=why)
    if on_change == "rerun":
        # A guest that is off has its next boot before it anyway.
        effect = Effect.RESTART if running else Effect.NONE
        return Change(what, "", CHANGED, effect, path=_RERUN, why="runs again at its next boot")
    why = _LATER if part in _EACH_BOOT else _KEPT
    return Change(what, "", CHANGED, Effect.NONE, why=why)


def _parts(files: Mapping[str, str]) -> dict[str, str]:
    """Part -> its text. What we render has one top-level key a part, in column 0."""
    found = {"network-config": files.get("network-config", "")}
    for name in ("user-data", "vendor-data"):
        part = ""
        for line in files.get(name, "").splitlines():
            key, colon, _ = line.partition(":")
            if colon and not line.startswith((" ", "#")):
                part = key.strip('"')
                part = _SAID_WITH.get(part, part)
            if part:
                found[part] = f"{found.get(part, '')}{line}\n"
    return found


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [part for part in {**new, **old} if old.get(part) != new.get(part)]


def settled(
    seen: Values, inputs: Values, found: Sequence[Change]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The disks that the changes ``found`` make anew, and the inputs with the ``instance_id``
    under which cloud-init is to run from now on."""
    afresh = any(change.path == _ANEW for change in found)
    anew = guest_disks.made_anew(seen, inputs, afresh)
    system = next((disk["name"] for disk in inputs["disks"] if disk["backing_path"]), "")
    uuid = str(inputs["uuid"])
    instance_id = str(seen.get("instance_id") or uuid)
    if system in {disk["name"] for disk in anew}:
        # A new system is a first instance.
        instance_id = uuid
    elif any(change.path == _RERUN for change in found):
        instance_id = f"{uuid}-{_next(instance_id, inputs['seed']['files'])}"
    return anew, {**inputs, "instance_id": instance_id}


def _next(instance_id: str, files: Mapping[str, str]) -> str:
    """What follows from the last id and the seed, so that a run that was cut off and begun again
    comes to the same. Without secrets, since every user of the guest may read it."""
    texts = [instance_id, *(f"{name}\n{text}" for name, text in sorted(files.items()))]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]
