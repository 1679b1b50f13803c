"""The project folder: where Pulumi.yaml lies, and where everything beside it is found.

The folder is found from the current directory upwards, as git and pulumi find theirs. All
generated state is in its ``.guesthouse`` folder, so a second project folder is a second world.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from guesthouse import files
from guesthouse.errors import Problem, SetupError, SiteError

SITE = "site"
_MAX_BYTES = 4 * files.MIB


@dataclass(frozen=True)
class Project:
    """One project folder; all paths are absolute."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """The nearest folder with a Pulumi.yaml, from ``start`` (or the current one) upwards."""
        start = (start or Path.cwd()).resolve()
        for folder in (start, *start.parents):
            if (folder / "Pulumi.yaml").is_file():
                return cls(folder)
        raise SetupError(
            Problem(
                str(start),
                "no Pulumi.yaml here or above",
                hint="go to the project folder, or name it: guesthouse -C FOLDER ...",
            )
        )

    @property
    def home(self) -> Path:
        """The folder of everything generated."""
        return self.root / ".guesthouse"

    @property
    def engine(self) -> Path:
        """The folder of the pinned engine's programs."""
        return self.home / "engine"

    @property
    def state(self) -> Path:
        """The file backend: the engine's state of all stacks of this folder."""
        return self.home / "state"

    @property
    def state_is_elsewhere(self) -> bool:
        """Pulumi.yaml names a backend, where a team shares its state."""
        backend = self.settings.get("backend")
        return isinstance(backend, dict) and bool(backend.get("url"))

    @property
    def passphrase(self) -> Path:
        """The file whose content encrypts secrets in this folder."""
        return self.home / "passphrase"

    @property
    def stacks(self) -> Path:
        """The folder of site files and stack configurations."""
        return self.root / "stacks"

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What Pulumi.yaml says."""
        return read_yaml(self.root / "Pulumi.yaml")

    @property
    def name(self) -> str:
        """The project's name, part of every identity."""
        return str(self.settings.get("name", "guesthouse"))

    def config_file(self, stack: str) -> Path:
        """The stack's configuration: where its site file is, and its secrets."""
        return self.stacks / f"Pulumi.{stack}.yaml"

    def config(self, stack: str) -> dict[str, Any]:
        """The stack's configuration without the project's prefix; empty when there is none."""
        path = self.config_file(stack)
        values = read_yaml(path).get("config") if os.path.lexists(path) else None
        prefix = f"{self.name}:"
        found = values.items() if isinstance(values, dict) else ()
        return {str(key).removeprefix(prefix): value for key, value in found}

    def site_file(self, stack: str) -> Path:
        """The stack's site file, ``stacks/<stack>.site.yaml`` unless configured otherwise."""
        return self.stacks / str(self.config(stack).get(SITE, f"{stack}.site.yaml"))

    def local_file(self, stack: str) -> Path:
        """What only exists on this machine, merged by name into the site file if it exists."""
        return self.home / "local" / self.site_file(stack).name

    def stack_names(self) -> list[str]:
        """Stacks that have a configuration here, sorted."""
        return sorted(
            path.name.removeprefix("Pulumi.").removesuffix(".yaml")
            for path in self.stacks.glob("Pulumi.?*.yaml")
        )

    def shown(self, path: Path) -> str:
        """The path as a user of this folder writes it."""
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)


def read_yaml(path: Path) -> dict[str, Any]:
    """A small YAML mapping that the engine or a user wrote; every value is text."""
    from guesthouse.sitefile import nodes, values

    faults: list[str] = []

    def report(_node: object, path: tuple[str, ...], what: str, got: str, _hint: str) -> None:
        faults.append(f"{'.'.join(path)}: {what} {got}".rstrip())

    try:
        root = nodes.compose(files.read_text(path, _MAX_BYTES), str(path))
        value = values.plain(root, report) if root is not None else {}
    except FileNotFoundError:
        raise SiteError(Problem(str(path), "cannot be read: no such file or directory")) from None
    except files.Unreadable as error:
        raise SiteError(Problem(str(path), str(error))) from None
    except nodes.Fault as fault:
        raise SiteError(Problem(f"{path}:{fault.line}:{fault.column}", fault.what)) from None
    if faults:
        raise SiteError(*(Problem(str(path), fault) for fault in faults))
    if not isinstance(value, dict | None):
        raise SiteError(Problem(str(path), "not a mapping"))
    return value or {}
