"""Rules of one host, its images and its SR-IOV cards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from guesthouse.errors import Problem
from guesthouse.policy.registered import Registered
from guesthouse.policy.rule import ResourceRule, problem
from guesthouse.policy.secrets import secret_in

_EMPTY_FILE = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def _digest(image: Registered) -> Iterator[Problem]:
    sha256 = str(image.values["sha256"])
    if len(set(sha256)) == 1 or sha256 == _EMPTY_FILE:
        # The volume is called NAME-DIGEST.FORMAT.
        name = PurePosixPath(str(image.values["path"])).name.rpartition("-")[0]
        what = f"is a placeholder ({sha256[:8]}...), so it is not said which image this is"
        yield problem(("images", name, "sha256"), what, "put there what sha256sum says of the file")


def _file_secrets(host: Registered) -> Iterator[Problem]:
    for path, file in host.values["files"].items():
        if kind := secret_in(str(file["content"])):
            place = ("hosts", host.name, "files", path, "content")
            what = f"holds {kind} in clear: it would stand in the state and in every preview"
            yield problem(place, what, "bring it to the host by another way")


def _file_modes(host: Registered) -> Iterator[Problem]:
    for path, file in host.values["files"].items():
        if int(str(file["mode"]), 8) & 0o002:
            place = ("hosts", host.name, "files", path, "mode")
            what = f"{file['mode']}: everybody on the host may write to it"
            yield problem(place, what, "take the last digit's 2 away, as in 0644 and 0755")


def _vfs(card: Registered, field: str, bad: bool, what: str, good: str) -> Iterator[Problem]:
    """One problem for the defaults, one for each fixed virtual function."""
    base = ("hosts", card.host, "physical_functions", str(card.values["name"]))
    found: dict[tuple[str, ...], None] = {}
    for number, vf in card.values["vfs"].items():
        if bool(vf[field]) is bad:
            # Only fixed ones have a MAC that the host sets.
            found[("fixed", number) if "mac" in vf else ("defaults",)] = None
    # Fixed ones may have it from there, so that is the place to begin.
    for place in [("defaults",)] if ("defaults",) in found else found:
        yield problem((*base, *place, field), what, f"take it away, or say {field}: {good}")


def _trust(card: Registered) -> Iterator[Problem]:
    what = "true: the guest may take any MAC address and see frames of others"
    yield from _vfs(card, "trust", True, what, "false")


def _spoof_check(card: Registered) -> Iterator[Problem]:
    what = "false: the guest may send under any MAC address"
    yield from _vfs(card, "spoof_check", False, what, "true")


RULES = (
    ResourceRule(
        "image-digest",
        "mandatory",
        "An image is pinned by the digest of a real file, not by a placeholder.",
        "Image",
        _digest,
    ),
    ResourceRule(
        "vf-trust-off",
        "mandatory",
        "No virtual function is trusted.",
        "PhysicalFunction",
        _trust,
    ),
    ResourceRule(
        "vf-spoof-check-on",
        "mandatory",
        "Every virtual function has its spoof check.",
        "PhysicalFunction",
        _spoof_check,
    ),
    ResourceRule(
        "no-secret-in-host-file",
        "mandatory",
        "No private key, password or token stands in clear in a host's `files`.",
        "Host",
        _file_secrets,
    ),
    ResourceRule(
        "host-file-not-for-all",
        "mandatory",
        "No file of a host is writable by everybody.",
        "Host",
        _file_modes,
    ),
)
