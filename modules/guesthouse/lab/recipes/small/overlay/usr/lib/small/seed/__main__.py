"""Applies a NoCloud seed to the small guest, once per instance-id.

Comes in: a disk labelled ``cidata`` with meta-data, user-data and network-config (version 2).
Goes out: the same guest that cloud-init would make of it, and cloud-init's own result files.
Keys that it cannot honour are errors in result.json, never silence. Follows
https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from . import network, users

DATA = Path("/var/lib/cloud/data")
RUN = Path("/run/cloud-init")
INSTANCE = Path("/var/lib/cloud/instance")
SEED = Path("/run/seed")

APPLIED = {
    "bootcmd", "chpasswd", "disable_root", "fqdn", "hostname", "manage_etc_hosts",
    "prefer_fqdn_over_hostname", "preserve_hostname", "runcmd", "ssh_authorized_keys",
    "ssh_keys", "ssh_pwauth", "users", "write_files", "password",
}  # fmt: skip
# Always true here, or without meaning for this guest.
HARMLESS = {
    "final_message", "growpart", "resize_rootfs", "ssh_deletekeys", "ssh_genkeytypes",
    "package_update", "package_upgrade", "output", "locale", "timezone", "apt", "ssh",
    "package_reboot_if_required", "datasource_list", "datasource", "merge_how",
}  # fmt: skip


def mount_seed() -> str | None:
    """Mounts the seed on /run/seed; the device's name, or None when there is no seed."""
    SEED.mkdir(exist_ok=True)
    for _ in range(50):
        for label in ("cidata", "CIDATA"):
            found = subprocess.run(
                ["blkid", "-c", "/dev/null", "-L", label], capture_output=True, text=True
            )
            device = found.stdout.strip()
            if device and subprocess.run(["mount", "-r", device, str(SEED)]).returncode == 0:
                return device
        time.sleep(0.1)
    return None


def read(name: str) -> Any:
    """One file of the seed as data; {} when it is absent or empty."""
    path = SEED / name
    return (yaml.safe_load(path.read_bytes()) if path.exists() else None) or {}


class Report:
    """What went wrong, step by step, in cloud-init's own form."""

    def __init__(self, device: str) -> None:
        self.source = f"DataSourceNoCloud [seed={device}]"
        self.start = time.time()
        self.errors: list[str] = []

    def step(self, name: str, action: Callable[..., Any], *arguments: Any) -> Any:
        """Runs one step; its failure is noted and the next step goes on."""
        try:
            return action(*arguments)
        except Exception as error:
            text = getattr(error, "stderr", None) or str(error)
            self.errors.append(f"('{name}', {type(error).__name__}({text!r}))")
            return None

    def write(self) -> None:
        """result.json and status.json, kept for later boots of the same instance."""
        DATA.mkdir(parents=True, exist_ok=True)
        v1 = {"datasource": self.source, "errors": self.errors}
        (DATA / "result.json").write_text(json.dumps({"v1": v1}, indent=1) + "\n")
        stage = {"start": self.start, "finished": time.time(), "recoverable_errors": {}}
        stages = ("init-local", "init", "modules-config", "modules-final")
        done: dict[str, Any] = {name: {"errors": [], **stage} for name in stages}
        done["modules-final"]["errors"] = self.errors
        status = {"v1": {"datasource": self.source, **done, "stage": None}}
        (DATA / "status.json").write_text(json.dumps(status, indent=1) + "\n")
        (INSTANCE / "boot-finished").write_text(f"{time.time()}\n")


def publish() -> None:
    """The kept results become this boot's: checks read them in /run."""
    for name in ("status.json", "result.json"):
        if (DATA / name).exists():
            temporary = RUN / f".{name}"
            temporary.write_bytes((DATA / name).read_bytes())
            temporary.rename(RUN / name)


def set_hostname(user: dict[str, Any], meta: dict[str, Any]) -> None:
    """Hostname by user-data or meta-data; resolvable without any name server."""
    name = user.get("hostname") or user.get("fqdn") or meta.get("local-hostname") or "small"
    name = str(name).split(".")[0]
    full = f" {user['fqdn']}" if user.get("fqdn") else ""
    Path("/etc/hostname").write_text(f"{name}\n")
    local = f"127.0.0.1 localhost\n127.0.1.1{full} {name}\n::1 localhost\n"
    Path("/etc/hosts").write_text(local)


def refuse_unknown(user: dict[str, Any]) -> None:
    """A key that is neither applied nor harmless must not pass in silence."""
    unknown = sorted(key for key in set(user) - APPLIED - HARMLESS if user[key])
    if unknown:
        raise ValueError(f"not supported by the small guest: {', '.join(unknown)}")


def run_commands(commands: list[str | list[Any]] | None) -> None:
    """bootcmd and runcmd: a list is an argument list, a string is a line of shell."""
    for command in commands or []:
        argv = [str(word) for word in command] if isinstance(command, list) else command
        subprocess.run(argv, shell=isinstance(argv, str), check=True)


def new_instance(user: dict[str, Any], meta: dict[str, Any], report: Report) -> None:
    """All that happens before anybody may log in."""
    machine = bytearray(os.urandom(16))
    machine[6], machine[8] = machine[6] & 0x0F | 0x40, machine[8] & 0x3F | 0x80
    if not Path("/etc/machine-id").exists():
        Path("/etc/machine-id").write_text(machine.hex() + "\n")
    report.step("unknown_keys", refuse_unknown, user)
    report.step("bootcmd", run_commands, user.get("bootcmd"))
    report.step("set_hostname", set_hostname, user, meta)
    report.step("network", network.write, read("network-config"))
    report.step("write_files", users.write_files, user.get("write_files") or [])
    report.step("ssh", users.host_keys, user.get("ssh_keys") or {})
    for entry in users.wanted(user):
        report.step("users_groups", users.ensure, entry)
    report.step("set_passwords", users.set_passwords, user)


def finish(user: dict[str, Any], report: Report) -> None:
    """runcmd and the results, beside sshd and the agent, as cloud-init's final stage."""
    if os.fork():
        return
    os.setsid()
    report.step("runcmd", run_commands, user.get("runcmd"))
    report.write()
    publish()
    os._exit(0)


def renew_network(device: str) -> None:
    """The network-config again, where the vendor-data asks for it at every boot."""
    updates = (read("vendor-data").get("updates") or {}).get("network") or {}
    if "boot" in (updates.get("when") or []):
        report = Report(device)
        report.step("network", network.write, read("network-config"))
        print(*report.errors, file=sys.stderr, sep="\n", end="")


def main() -> None:
    """One boot: a new instance is set up, a known one gets its network and results."""
    device = mount_seed()
    meta = read("meta-data")
    instance = str(meta.get("instance-id", "none"))
    known = INSTANCE / "instance-id"
    if device and not (known.exists() and known.read_text().strip() == instance):
        INSTANCE.mkdir(parents=True, exist_ok=True)
        report = Report(device)
        text = SEED / "user-data"
        user = report.step("user_data", read, "user-data") or {}
        if text.exists() and not text.read_bytes().startswith(b"#cloud-config"):
            report.errors.append("('user_data', 'does not start with #cloud-config')")
        new_instance(user, meta, report)
        known.write_text(instance + "\n")
        start_network()
        subprocess.run(["umount", str(SEED)])
        finish(user, report)
        return
    if device:
        renew_network(device)
        subprocess.run(["umount", str(SEED)])
    users.host_keys({})
    if not network.SCRIPT.exists():
        network.write({})
    start_network()
    publish()


def start_network() -> None:
    """Hostname and links, on every boot."""
    name = Path("/etc/hostname")
    if name.exists():
        Path("/proc/sys/kernel/hostname").write_text(name.read_text().strip())
    if network.SCRIPT.exists():
        subprocess.run(["sh", str(network.SCRIPT)])


if __name__ == "__main__":
    main()
