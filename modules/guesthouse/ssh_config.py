"""The values of ssh_config(5) and known_hosts: what may stand there. Comes in: a value. Goes out:
the same as its line takes it, or an error. Imports errors only.

A line break begins another option, a blank another value, a quote or a backslash joins them again
(and is read differently by versions of ssh), a dash an option of the next ssh(1): ProxyJump runs
one by a shell. Everything that writes such a file goes through here, so none of them gets in.
"""

from __future__ import annotations

import re

from guesthouse.errors import Problem, SiteError
from guesthouse.told import shown

_NAME = (r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}", "letters, digits, '.', '_' and '-' inside")
# No control characters, not those of Unicode either, and no half of a surrogate pair.
_UNSEEN = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_PATH = (rf'(?!-)[^{_UNSEEN}"\\]{{1,4096}}', "a path without control characters, '\"' and '\\'")

# Option -> the whole value as a regular expression, and the same in words.
_GRAMMAR: dict[str, tuple[str, str]] = {
    "Host": _NAME,
    "HostKeyAlias": _NAME,
    "ProxyJump": _NAME,
    "User": _NAME,
    "HostName": (
        r"[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,252}",
        "a host name, or an IP address without scope",
    ),
    "Port": (r"[1-9][0-9]{0,4}", "a number from 1 to 65535"),
    "IdentityFile": _PATH,
    "UserKnownHostsFile": _PATH,
    "ControlPath": _PATH,
    "host key": (r"[a-z][a-z0-9@.-]{0,63} [A-Za-z0-9+/=]{1,16384}", "'type base64'"),
    "comment": (rf"[^{_UNSEEN}]{{0,1000}}", "text on one line"),
}


def value(text: object, option: str) -> str:
    """The value of an option, checked; raises SiteError.

    ``host key`` is a line of known_hosts without its name, ``comment`` what stands after ``#``.
    """
    pattern, allowed = _GRAMMAR[option]
    found = str(text)
    if not re.fullmatch(pattern, found) or (option == "Port" and int(found) > 65535):
        what = "this value cannot be written into an ssh configuration"
        hint = "mend it in the site file: address, port, user, identity_file, host_keys or name"
        raise SiteError(Problem(f"ssh_config {option}", what, shown(found), allowed, hint))
    return found


def path(text: str, option: str = "IdentityFile", rest: str = "") -> str:
    """A path as one quoted word, where ``%`` begins a token; ``rest`` is ours and has tokens."""
    return f'"{value(text, option).replace("%", "%%")}{rest}"'
