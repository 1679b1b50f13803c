"""The patterns of values in words: what a message says is allowed."""

from __future__ import annotations

from guesthouse.display import NOT_IN_LINE, NOT_IN_TEXT

# What a pattern means, for people. A test holds this table complete.
_FORMS = {
    r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$": "a-z, 0-9 and inner '-', up to 63",
    r"^[a-z0-9][a-z0-9-]{0,62}$": "a-z, 0-9 and '-', up to 63",
    r"^[a-z][a-z0-9-]{0,13}[a-z0-9]$": "a-z, 0-9 and inner '-', from a letter, 2 to 15",
    r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,14}$": "an interface name of up to 15 letters, as br0",
    r"^[a-z_][a-z0-9_-]{0,31}$": "a Linux user name: a-z, 0-9, '_' and '-', up to 32",
    r"^[a-z0-9][a-z0-9+.-]*([a-z0-9.]|\+\+)$": "a Debian package name, without apt's '-' and '+'",
    r"^[A-Za-z0-9:_.@-]+\.(service|socket|timer|target|path|mount)$": "a unit, as ssh.service",
    rf"^/([^/{NOT_IN_LINE}]+(/[^/{NOT_IN_LINE}]+)*/?)?$": "an absolute path",
    rf"^[^{NOT_IN_LINE}]*$": "one line of text without control characters",
    rf'^([^{NOT_IN_LINE}"\\-][^{NOT_IN_LINE}"\\]*)?$': "a path without quotes and backslashes",
    rf"^[^{NOT_IN_TEXT}]*$": "text without control characters",
    r"^([A-Za-z0-9_:][A-Za-z0-9._:-]*)?$": "a host's name or IP address",
    r"^0[0-7]{3}$": "four octal digits, as 0644",
    r"^[0-9a-f]{64}$": "64 hexadecimal digits",
    r"^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$": "a PCI address, as 0000:01:00.0",
    r"^(q35|pc-q35-[0-9]{1,3}\.[0-9]{1,2})$": "q35, or a version of it, as pc-q35-9.2",
    r"^[0-9a-f]{4}:[0-9a-f]{4}$": "vendor:device, as 8086:10c9",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$": "a type of mediated devices, as nvidia-63",
    r"^[A-Za-z0-9_-]{1,64}$": "a driver's name, as igb",
    rf"^[^\s/{NOT_IN_LINE}]{{1,255}}$": "a name without blanks and '/'",
    r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-[a-z0-9-]+) [A-Za-z0-9+/=]+$": (
        "an ssh host key without a comment, as 'ssh-ed25519 AAAA...'"
    ),
    rf"^(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^{NOT_IN_LINE}]*)?$": (
        "an ssh public key, as 'ssh-ed25519 AAAA... comment'"
    ),
    r"^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$": "a MAC address, as 52:54:00:12:34:56",
    r"^[A-Za-z][A-Za-z0-9_]*$": "a secret's name: letters, digits and '_'",
    r"^test(\+unix)?:///[!-~]*$": "libvirt's test driver, as test:///default",
}


def form(pattern: str) -> str:
    """What a pattern of the models means, for people."""
    return _FORMS.get(pattern, pattern)
