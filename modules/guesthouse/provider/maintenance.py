"""Which hosts are in maintenance by what is declared now: these are left alone.

The state has the flag of the last `up`. A refresh and a destroy run no program, so the command says
in the environment what the site file says; and what the program declares is heard in its checks.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from guesthouse.errors import Problem, RefusedError

# A JSON object, host name -> flag. Written by the command (cli/maintenance.py).
VARIABLE = "GUESTHOUSE_MAINTENANCE"


# In a URN, the type of the site's component; that of an older state names no site.
_SITE = re.compile(r"guesthouse:site:([^:$]+)\$")
_NO_SITE = "Site"


def _site(urn: str) -> str:
    found = _SITE.search(urn)
    return found[1] if found else _NO_SITE


class Maintenance:
    """The newest flags that are known: two sites of a program may have hosts of one name."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        text = environment.get(VARIABLE, "")
        self._by_command: dict[str, bool] = json.loads(text) if text else {}
        # Host name -> site -> flag.
        self._heard: dict[str, dict[str, bool]] = defaultdict(dict)

    def hear(self, urn: str, connection: Mapping[str, Any]) -> None:
        """What the program declares of the host of a resource."""
        flag = bool(dict(connection).get("maintenance"))
        self._heard[str(connection["name"])][_site(urn)] = flag

    def holds(self, urn: str, values: Mapping[str, Any]) -> bool:
        """Is the host of a resource's inputs or state to be left alone? One that is declared no
        more is as it was last declared."""
        connection, site = values["connection"], _site(urn)
        name = str(connection["name"])
        heard = self._heard.get(name, {})
        if site in heard:
            return heard[site]
        if heard and site == _NO_SITE:
            return any(heard.values())
        return self._by_command.get(name, bool(connection.get("maintenance")))

    def refuse(self, what: str, urn: str, values: Mapping[str, Any]) -> None:
        """Raise RefusedError for a host that is to be left alone."""
        if self.holds(urn, values):
            host = values["connection"]["name"]
            hint = f"end it by `hosts.{host}.maintenance: false`, then run the command again"
            raise RefusedError(Problem(what, f"its host '{host}' is in maintenance", hint=hint))
