"""Values that try to be more than a value in an ssh_config: {canary} is a file that one of them
makes when it gets a command run. Beside each kind are harmless ones, which must pass."""

from __future__ import annotations

# What begins another line.
_BREAKS = {"newline": "\n", "CR LF": "\r\n", "two": "\n\n", "blank": "\n  ", "tab": "\n\t"}
_NEXT = (
    "ProxyCommand sh -c 'touch {canary}'",
    "ProxyCommand=touch {canary}",
    'Match exec "touch {canary}"',
    "Match host * exec 'touch {canary}'",
    "KnownHostsCommand /usr/bin/touch {canary}",
    "Host *\n  ProxyCommand touch {canary}",
    "StrictHostKeyChecking no",
    "Include {canary}",
    "PermitLocalCommand yes\n  LocalCommand touch {canary}",
)
LINES = {
    f"{option} by {kind}": f"10.9.9.9{text}{option}"
    for kind, text in _BREAKS.items()
    for option in _NEXT
}
# In one line: for ssh, for the shell that ProxyJump runs, and for the next ssh's options.
WORDS = {
    "escaped quote and command": "x\\'$(touch${IFS}{canary})\\'",
    "quote and command": "x'$(touch${IFS}{canary})'",
    "bare command": "$(touch${IFS}{canary})",
    "backticks": "`touch${IFS}{canary}`",
    "semicolon": "10.9.9.9;touch${IFS}{canary}",
    "ampersand": "10.9.9.9&touch${IFS}{canary}",
    "pipe": "10.9.9.9|touch${IFS}{canary}",
    "redirection": "10.9.9.9>{canary}",
    "variable": "${HOME}",
    "bracket": "10.9.9.9]:22;touch${IFS}{canary};[",
    "blank": "10.9.9.9 10.9.9.8",
    "tab": "10.9.9.9\t10.9.9.8",
    "no-break blank": "10.9.9.9\u00a010.9.9.8",
    "comment": "10.9.9.9 # rest",
    "double quote": '10.9.9.9"',
    "quoted": '"10.9.9.9"',
    "open quote": '"10.9.9.9',
    "backslash": "10.9.9.9\\",
    "option": "-oProxyCommand=touch${IFS}{canary}",
    "long option": "--help",
    "file option": "-f/etc/shadow",
    "dash": "-",
    "scope": "fe80::1%eth0",
    "scope with command": "fe80::1%$(touch${IFS}{canary})",
    "token": "%h",
    "local command token": "10.9.9.9%%",
    "NUL": "10.9.9.9\0",
    "escape": "10.9.9.9\x1b]52;c;AAAA\x07",
    "delete": "10.9.9.9\x7f",
    "C1": "10.9.9.9\x85ProxyCommand touch {canary}",
    "line separator": "10.9.9.9\u2028ProxyCommand touch {canary}",
    "paragraph separator": "10.9.9.9\u2029x",
    "half a surrogate pair": "10.9.9.9\ud800",
    "vertical tab": "10.9.9.9\x0bx",
    "form feed": "10.9.9.9\x0cx",
    "carriage return": "10.9.9.9\rProxyCommand touch {canary}",
    "only a newline": "10.9.9.9\n",
    "newline first": "\n10.9.9.9",
    "pattern": "*",
    "negation": "!h1",
    "list": "h1,*",
    "right to left": "10.9.9.9\u202e",
    "letters of another script": "\u0430.example",
    "digits of another script": "\u0661\u0660.9.9.9",
    "brackets": "[::1]",
    "user": "root@10.9.9.9",
    "slash": "10.9.9.9/24",
    "too long": "a" * 254,
    "endless": "1" * 100_000,
    "empty": "",
}
ATTACKS = {**LINES, **WORDS}

# What a path may have besides: it is one quoted word.
IN_A_PATH = {
    *("quote and command", "bare command", "backticks", "semicolon", "ampersand", "pipe"),
    *("redirection", "variable", "bracket", "blank", "comment", "scope", "scope with command"),
    *("token", "local command token", "pattern", "negation", "list", "brackets", "user", "slash"),
    *("no-break blank", "too long", "right to left", "letters of another script"),
    "digits of another script",
}

ADDRESSES = ("10.9.9.9", "192.0.2.1", "::1", "2001:db8::9", "::ffff:10.9.9.9", "fd00::1:2:3")
HOST_NAMES = (*ADDRESSES, "h1", "h1.example.org", "a_b.example", "xn--bcher-kva.example", "a--b")
NAMES = ("h1", "web", "a-b", "a.b", "A_b", "0", "_x", "h1.example.org")
PATHS = ("/k/id", "/k/with blanks", "/k/100%", "/k/it's", "/k/\u00fc#=,", "~/.ssh/id", "/k/a & <b>")
KEYS = ("ssh-ed25519 AAAA+/=", "ecdsa-sha2-nistp256 BBBB", "sk-ssh-ed25519@openssh.com CCCC==")
