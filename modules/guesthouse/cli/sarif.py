"""Problems of site files as SARIF 2.1.0, which code hosts and editors show beside the lines.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from guesthouse.display import visible, visible_json
from guesthouse.errors import Problem

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
# Paths are relative to the folder in which the check ran: the top of the checkout, as a rule.
_BASE = "%SRCROOT%"

# Rule -> what it asks for, and what to do when it is broken. Names stay; a test holds this table
# to the rules that are used.
RULES: Mapping[str, tuple[str, str]] = {
    "file": ("A site file is a UTF-8 text that can be read.", "Name a file that is there."),
    "yaml": ("A site file is one YAML document without tags.", "Mend the YAML at this place."),
    "ssh-key-file": ("A named public key file is there.", "Name a public key file."),
    "required": ("A required key is there.", "Add the key; docs/reference.md says what it is."),
    "unknown-key": ("Only known keys are used.", "Take it out, or write it as the reference does."),
    "type": ("A value has the type of its key.", "docs/reference.md has the type of every key."),
    "choice": ("A value is one of those that its key allows.", "Take one of the allowed words."),
    "form": ("A value has the form of its key.", "Write it in the form that is allowed."),
    "range": ("A number is within its bounds.", "Take a number within the bounds."),
    "size": ("A list, mapping or text is neither too short nor too long.", "Change its length."),
    "unknown-name": ("A name that is referred to is declared.", "Declare it, or correct it."),
    "host": ("A host has what it needs, once.", "Follow the hint of the message."),
    "pool": ("A pool is on hosts that can have it.", "Follow the hint of the message."),
    "network": ("A network is where its bridge is.", "Follow the hint of the message."),
    "sriov": ("Virtual functions fit their card.", "Follow the hint of the message."),
    "guest": ("A guest's parts fit each other and its host.", "Follow the hint of the message."),
    "device": ("A device is given once, by its host.", "Follow the hint of the message."),
    "lab": ("Hosts of the lab fit together.", "Follow the hint of the message."),
    "start-order": ("Guests do not wait for each other.", "Take one out of start_after."),
    "address": ("Addresses are in their subnet and used once.", "Take another address."),
    "first-boot": ("What is done at first boot can be done.", "Follow the hint of the message."),
    "cloud-config": ("user_data obeys cloud-init's own schema.", "See cloud-init's reference."),
    "capacity": ("Guests fit into their hosts.", "Make guests smaller, or move some."),
}
_OTHER = ("A site file is right.", "Follow the hint of the message.")


def text(files: Sequence[Path], problems: Mapping[Path, Iterable[Problem]]) -> str:
    """The log of one check of ``files``."""
    found = [(file, problem) for file in files for problem in problems.get(file, ())]
    used = sorted({_rule(problem) for _, problem in found})
    run = {
        "tool": {
            "driver": {
                "name": "guesthouse",
                "version": version("guesthouse"),
                "rules": [_descriptor(rule) for rule in used],
            }
        },
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": _location(file)} for file in files],
        "results": [_result(file, problem, used) for file, problem in found],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return visible_json(json.dumps(log, indent=2, ensure_ascii=False)) + "\n"


def _rule(problem: Problem) -> str:
    return problem.rule or "other"


def _descriptor(rule: str) -> dict[str, Any]:
    about, advice = RULES.get(rule, _OTHER)
    return {
        "id": rule,
        "shortDescription": {"text": about},
        "fullDescription": {"text": about},
        "help": {"text": f"{about} {advice}"},
        "defaultConfiguration": {"level": "error"},
    }


def _location(file: Path) -> dict[str, str]:
    """A file below the current folder by its relative path, any other by its whole one."""
    whole = Path(os.path.normpath(file.absolute()))
    if whole.is_relative_to(Path.cwd()):
        return {"uri": quote(whole.relative_to(Path.cwd()).as_posix()), "uriBaseId": _BASE}
    return {"uri": f"file://{quote(str(whole))}"}


def _result(file: Path, problem: Problem, used: Sequence[str]) -> dict[str, Any]:
    at = problem.position
    # What is wrong with a whole file is shown at its top: code hosts drop what has no line.
    region = {"startLine": at.line, "startColumn": at.column} if at else {"startLine": 1}
    artifact = _location(Path(at.file) if at else file)
    place: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact, "region": region}}
    if problem.path:
        name = ".".join(problem.path)
        place["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "member"}]
    rule = _rule(problem)
    return {
        "ruleId": rule,
        "ruleIndex": used.index(rule),
        "level": "error",
        "message": {"text": _message(problem)},
        "locations": [place],
    }


def _message(problem: Problem) -> str:
    """The problem in words: what the place does not say already, and the hint."""
    said = str(problem).removeprefix(f"{visible(problem.where)}: ")
    name = ".".join(problem.path)
    return f"{name}: {said}" if name else said
