"""Set-up fetches nothing that no hash names, not even what packages are built with."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scratch import CHECKOUT

# Locked packages without wheels -> what their own pyproject.toml asks for.
BUILT_FROM_SOURCE = {"libvirt-python": ["setuptools"]}
ENTRY = re.compile(r"^([a-z0-9._-]+)==(\S+)")


def locked(text: str) -> dict[str, str]:
    """Name -> version, of what a lock file has with hashes."""
    entries = re.split(r"\n(?=[a-z])", text)
    hashed = [entry for entry in entries if re.search(r" --hash=sha256:[0-9a-f]{64}\b", entry)]
    return dict(found.groups() for entry in hashed if (found := ENTRY.match(entry)))  # type: ignore[misc]


def unlocked(wanted: list[str], lock: dict[str, str]) -> set[str]:
    """Names of the whole graph of requirements that the lock has not, as installed here."""
    todo, seen = list(wanted), set()
    missing = set()
    while todo:
        requirement = Requirement(todo.pop())
        name = canonicalize_name(requirement.name)
        if name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        if name not in lock or not requirement.specifier.contains(lock[name]):
            missing.add(name)
        else:
            todo += requires(name) or []
    return missing


def wanted() -> list[str]:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    others = [name for names in BUILT_FROM_SOURCE.values() for name in names]
    return [*project["build-system"]["requires"], *others]


def test_every_build_requirement_is_locked() -> None:
    assert unlocked(wanted(), locked((CHECKOUT / "build.lock").read_text())) == set()


@pytest.mark.parametrize("name", ["hatchling", "setuptools", "trove-classifiers"])
def test_one_without_hashes_is_found(name: str) -> None:
    text = (CHECKOUT / "build.lock").read_text()
    bare = re.sub(rf"(?m)^{name}==(\S+)(?: \\\n    --hash=\S+)+", rf"{name}==\1", text)
    assert bare != text
    assert unlocked(wanted(), locked(bare)) == {name}


def test_both_locks_agree() -> None:
    build, all_others = (
        locked((CHECKOUT / name).read_text()) for name in ("build.lock", "requirements.lock")
    )
    both = build.keys() & all_others.keys()
    assert {name: build[name] for name in both} == {name: all_others[name] for name in both}


def test_set_up_builds_these_only_and_fetches_nothing_for_it() -> None:
    script = (CHECKOUT / "scripts/setup.sh").read_text()
    assert re.findall(r"(?m)^built_from_source=(.*)$", script) == list(BUILT_FROM_SOURCE)
    calls = re.findall(r'"\$uv" pip (?:[^\n]*\\\n)*[^\n]*', script)
    assert len(calls) == 3
    for call in calls:
        hashed = "--require-hashes" in call and "--only-binary :all:" in call
        assert hashed or "--editable" in call, call
        builds = "--no-binary" in call or "--editable" in call
        assert builds == ("--no-build-isolation" in call), call
