"""Which hosts are in maintenance by what is declared now: these are left alone.

The state has the flag of the last `up`. A refresh and a destroy run no program, so the command says
in the environment what the site file says; and what the program declares is heard in its checks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from guesthouse.errors import Problem, RefusedError

# A JSON object, host name -> flag. Written by the command (cli/maintenance.py).
VARIABLE = "GUESTHOUSE_MAINTENANCE"


class Maintenance:
    """The flags by host name, the newest that is known."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        text = environment.get(VARIABLE, "")
        self._declared: dict[str, bool] = json.loads(text) if text else {}

    def hear(self, connection: Mapping[str, Any]) -> None:
        """What the program declares of a host."""
        self._declared[str(connection["name"])] = bool(dict(connection).get("maintenance"))

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Is the host of a resource's inputs or state to be left alone? One that is declared no
        more is as it was last declared."""
        connection = values["connection"]
        return self._declared.get(str(connection["name"]), bool(connection.get("maintenance")))

    def refuse(self, what: str, values: Mapping[str, Any]) -> None:
        """Raise RefusedError for a host that is to be left alone."""
        if self.holds(values):
            host = values["connection"]["name"]
            hint = f"end it by `hosts.{host}.maintenance: false`, then run the command again"
            raise RefusedError(Problem(what, f"its host '{host}' is in maintenance", hint=hint))
