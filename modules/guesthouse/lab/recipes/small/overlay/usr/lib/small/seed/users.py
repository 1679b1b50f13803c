"""Users, passwords, ssh keys and files of a #cloud-config, with shadow's own tools.

Follows https://cloudinit.readthedocs.io/en/latest/reference/modules.html (users and groups,
set passwords, write files, ssh).
"""

from __future__ import annotations

import base64
import gzip
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any

KNOWN = {
    "name", "ssh_authorized_keys", "hashed_passwd", "passwd", "plain_text_passwd", "lock_passwd",
    "sudo", "shell", "groups", "primary_group", "gecos", "uid", "homedir", "no_create_home",
    "system", "doas", "ssh_redirect_user",
}  # fmt: skip


def run(*argv: object, stdin: str | None = None) -> None:
    """Runs a tool; CalledProcessError carries what it said."""
    subprocess.run(
        [str(word) for word in argv], input=stdin, check=True, capture_output=True, text=True
    )


def wanted(user: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries of ``users``; ``default`` is Debian's cloud user with the top-level keys."""
    keys = user.get("ssh_authorized_keys") or []
    entries = []
    for entry in user.get("users") or (["default"] if keys else []):
        if entry == "default":
            entry = {"name": "debian", "sudo": "ALL=(ALL) NOPASSWD:ALL", "shell": "/bin/bash"}
            entry["ssh_authorized_keys"] = keys
        entries.append({"name": entry} if isinstance(entry, str) else entry)
    return entries


def ensure(entry: dict[str, Any]) -> None:
    """One user: account, groups, password, sudo, keys."""
    name = entry["name"]
    if not any(known.pw_name == name for known in pwd.getpwall()):
        create(name, entry)
    elif entry.get("shell"):
        run("usermod", "--shell", entry["shell"], name)
    password = entry.get("hashed_passwd") or entry.get("passwd")
    if password:
        run("chpasswd", "-e", stdin=f"{name}:{password}\n")
    elif entry.get("plain_text_passwd"):
        run("chpasswd", stdin=f"{name}:{entry['plain_text_passwd']}\n")
    if entry.get("lock_passwd", True):
        run("passwd", "-l", name)
    write_sudo(name, entry.get("sudo"))
    add_keys(name, entry.get("ssh_authorized_keys") or [])
    unknown = sorted(set(entry) - KNOWN)
    if unknown:
        raise ValueError(f"user {name}: not supported: {', '.join(unknown)}")


def create(name: str, entry: dict[str, Any]) -> None:
    """A new account with useradd(8)."""
    groups = entry.get("groups") or []
    groups = groups.split(",") if isinstance(groups, str) else list(groups)
    groups = [group.strip() for group in groups]
    for group in groups:
        run("groupadd", "-f", group)
    argv: list[object] = ["useradd", "--shell", entry.get("shell") or "/bin/bash"]
    argv += ["--no-create-home"] if entry.get("no_create_home") else ["--create-home"]
    argv += ["--groups", ",".join(groups)] if groups else []
    argv += ["--uid", entry["uid"]] if entry.get("uid") else []
    argv += ["--gid", entry["primary_group"]] if entry.get("primary_group") else []
    argv += ["--home-dir", entry["homedir"]] if entry.get("homedir") else []
    argv += ["--comment", entry["gecos"]] if entry.get("gecos") else []
    argv += ["--system"] if entry.get("system") else []
    run(*argv, name)


def write_sudo(name: str, rules: str | list[str] | None) -> None:
    """Rules go where cloud-init puts them."""
    if not rules:
        return
    rules = [rules] if isinstance(rules, str) else rules
    path = Path("/etc/sudoers.d/90-cloud-init-users")
    with path.open("a") as file:
        file.writelines(f"{name} {rule}\n" for rule in rules)
    path.chmod(0o440)


def add_keys(name: str, keys: list[str]) -> None:
    """authorized_keys of an account, its own and nobody else's."""
    if not keys:
        return
    account = pwd.getpwnam(name)
    folder = Path(account.pw_dir) / ".ssh"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "authorized_keys"
    present = path.read_text().splitlines() if path.exists() else []
    path.write_text("".join(f"{key}\n" for key in dict.fromkeys([*present, *keys])))
    path.chmod(0o600)
    for item in (folder, path):
        os.chown(item, account.pw_uid, account.pw_gid)


def set_passwords(user: dict[str, Any]) -> None:
    """``chpasswd.users`` and ``ssh_pwauth``."""
    for entry in (user.get("chpasswd") or {}).get("users") or []:
        plain = entry.get("type", "hash") == "text"
        argv = ["chpasswd"] if plain else ["chpasswd", "-e"]
        run(*argv, stdin=f"{entry['name']}:{entry['password']}\n")
    if user.get("password"):
        run("chpasswd", stdin=f"debian:{user['password']}\n")
    if user.get("ssh_pwauth") is True:
        text = "PasswordAuthentication yes\n"
        Path("/etc/ssh/sshd_config.d/05-seed.conf").write_text(text)


def host_keys(keys: dict[str, str]) -> None:
    """The seed's ssh host keys, or fresh ones at first boot."""
    for name, text in keys.items():
        kind, _, half = name.partition("_")
        if half in ("private", "public"):
            path = Path(f"/etc/ssh/ssh_host_{kind}_key{'.pub' if half == 'public' else ''}")
            path.write_text(text if text.endswith("\n") else text + "\n")
            path.chmod(0o600 if half == "private" else 0o644)
    path = Path("/etc/ssh/ssh_host_ed25519_key")
    if not path.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path)


def write_files(entries: list[dict[str, Any]]) -> None:
    """``write_files``: content, encoding, permissions, owner."""
    for entry in entries:
        path = Path(entry["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        encoding = str(entry.get("encoding", "text/plain")).lower()
        data = str(entry.get("content") or "").encode()
        if "b64" in encoding or "base64" in encoding:
            data = base64.b64decode(data)
        if encoding.startswith(("gz", "gzip")):
            data = gzip.decompress(data)
        with path.open("ab" if entry.get("append") else "wb") as file:
            file.write(data)
        path.chmod(int(str(entry.get("permissions") or "0644"), 8))
        owner, _, group = str(entry.get("owner") or "root:root").partition(":")
        shutil.chown(path, owner, group or None)
