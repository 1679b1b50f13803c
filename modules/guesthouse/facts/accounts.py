"""Facts of user accounts inside a guest. Follows passwd(1), sudoers(5), sshd(8)."""

from __future__ import annotations

import base64
import shlex
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from guesthouse.facts.question import Question


@dataclass(frozen=True)
class UserFact:
    """An account. None stands for: only root may know, and we were not root.

    ``password`` is "set", "locked" or "empty"; the hash itself never leaves the guest.
    ``keys`` are the lines of authorized_keys without comments; ``sudo``: everything without a
    password.
    """

    shell: str
    password: str | None
    keys: tuple[str, ...] | None
    sudo: bool | None


def users(names: Iterable[str]) -> Question[dict[str, UserFact]]:
    """Accounts by name; one that does not exist is absent in the answer."""
    wanted = tuple(names)
    return Question(f"set -- {shlex.join(wanted)}\n{_COMMAND}", _parse)


# `passwd -S` tells the kind of a password, never its hash: root may ask about all, others about
# themselves. The same holds for a user's keys and sudo rights.
_COMMAND = """
for u in "$@"; do
  line=$(grep "^$u:" /etc/passwd) || continue
  echo "user $u $(printf %s "$line" | cut -d : -f 7)"
  if [ "$(id -u)" = 0 ]; then
    if sudo -n -l -U "$u" 2>/dev/null | grep -q 'NOPASSWD: ALL'; then s=yes; else s=no; fi
  elif [ "$(id -un)" = "$u" ]; then
    if sudo -n true 2>/dev/null; then s=yes; else s=no; fi
  else
    continue
  fi
  echo "sudo $u $s"
  echo "password $u $(passwd -S -- "$u" 2>/dev/null | cut -d ' ' -f 2)"
  f="$(printf %s "$line" | cut -d : -f 6)/.ssh/authorized_keys"
  echo "keys $u $(if [ -e "$f" ]; then base64 -w 0 "$f"; fi)"
done
"""

# passwd(1) of the shadow suite, and of Fedora's.
_PASSWORDS = {"P": "set", "PS": "set", "L": "locked", "LK": "locked", "NP": "empty"}


def _parse(output: str) -> dict[str, UserFact]:
    about: dict[str, dict[str, str]] = defaultdict(dict)
    for line in output.splitlines():
        key, name, value = line.split(" ", 2)
        about[name][key] = value
    return {name: _user(values) for name, values in about.items()}


def _user(values: dict[str, str]) -> UserFact:
    return UserFact(
        shell=values["user"],
        password=_PASSWORDS.get(values.get("password", "")),
        keys=_keys(values["keys"]) if "keys" in values else None,
        sudo=values["sudo"] == "yes" if "sudo" in values else None,
    )


def _keys(data: str) -> tuple[str, ...]:
    text = base64.b64decode(data).decode(errors="backslashreplace")
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))
