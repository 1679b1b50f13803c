"""The QEMU guest agent, asked through libvirt (https://qemu.org/docs/master/interop/qemu-ga-ref)."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import libvirt
import libvirt_qemu

# It does not answer in time, or has lost its place in the talk: it may a moment later. The last is
# VIR_ERR_AGENT_COMMAND_TIMEOUT, for which libvirt before 11.2 has no name.
SILENT = (libvirt.VIR_ERR_AGENT_UNRESPONSIVE, libvirt.VIR_ERR_AGENT_UNSYNCED, 112)


def _call(domain: libvirt.virDomain, command: str, timeout_s: int, **arguments: Any) -> Any:
    request: dict[str, Any] = {"execute": command}
    if arguments:
        request["arguments"] = arguments
    answer = libvirt_qemu.qemuAgentCommand(domain, json.dumps(request), timeout_s, 0)
    return json.loads(answer)["return"]


def ping(domain: libvirt.virDomain, timeout_s: int = 2) -> bool:
    """Does the agent answer?"""
    try:
        _call(domain, "guest-ping", timeout_s)
    except libvirt.libvirtError:
        return False
    return True


def is_there(domain: libvirt.virDomain) -> bool:
    """Does the agent answer, however slowly? One that nobody runs does not, at once.

    libvirt gives it no more than five seconds to find its place in the talk again.
    """
    return any(ping(domain, 5) for _ in range(3))


def read_file(domain: libvirt.virDomain, path: str, timeout_s: int = 10) -> str | None:
    """A small text file of the guest (up to 48 KiB), or None when it can't be read.

    Raises libvirtError when the agent is silent, which tells nothing of the file.
    """
    try:
        handle = _call(domain, "guest-file-open", timeout_s, path=path, mode="r")
        try:
            answer = _call(domain, "guest-file-read", timeout_s, handle=handle, count=48 * 1024)
        finally:
            with suppress(libvirt.libvirtError):
                _call(domain, "guest-file-close", timeout_s, handle=handle)
    except libvirt.libvirtError as error:
        if error.get_error_code() in SILENT:
            raise
        return None
    return base64.b64decode(answer["buf-b64"]).decode(errors="replace")


def run(
    domain: libvirt.virDomain, argv: Sequence[str], timeout_s: int = 120
) -> tuple[int, str] | None:
    """(exit code, output) of a program in the guest, or None when the agent won't or can't."""
    deadline = time.monotonic() + timeout_s
    try:
        command = {"path": argv[0], "arg": list(argv[1:]), "capture-output": True}
        pid = _call(domain, "guest-exec", 30, **command)["pid"]
        while not (status := _status(domain, pid))["exited"]:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.5)
    except libvirt.libvirtError:
        return None
    texts = (status.get(name, "") for name in ("out-data", "err-data"))
    output = b"".join(base64.b64decode(text) for text in texts)
    return int(status.get("exitcode", -1)), output.decode(errors="replace")


def _status(domain: libvirt.virDomain, pid: int) -> dict[str, Any]:
    """Of a program; an agent that is silent for a moment has not said that it ended.

    That it ended is told once: when just that answer comes too late, it is lost.
    """
    try:
        return dict(_call(domain, "guest-exec-status", 30, pid=pid))
    except libvirt.libvirtError as error:
        if error.get_error_code() in SILENT:
            return {"exited": False}
        raise


def online_vcpus(domain: libvirt.virDomain) -> int:
    """Take in the vCPUs that are there and offline; how many are online then."""
    try:
        found = _call(domain, "guest-get-vcpus", 10)
        off = [v["logical-id"] for v in found if not v["online"]]
        if off:
            _call(
                domain,
                "guest-set-vcpus",
                60,
                vcpus=[{"logical-id": number, "online": True} for number in off],
            )
            found = _call(domain, "guest-get-vcpus", 10)
    except libvirt.libvirtError:
        return 0
    return sum(v["online"] for v in found)


def online_memory(domain: libvirt.virDomain) -> None:
    """Take plugged memory in, where the guest's system has not done so by itself."""
    try:
        blocks = _call(domain, "guest-get-memory-blocks", 30)
        new = [{"phys-index": b["phys-index"], "online": True} for b in blocks if not b["online"]]
        if new:
            _call(domain, "guest-set-memory-blocks", 60, **{"mem-blks": new})
    except libvirt.libvirtError:
        # Without an agent the guest's own rules decide; what comes of it is read back.
        return


# Finds the disk by its serial, grows its last partition and what is on it.
_GROW = """\
disk=
for block in /sys/block/*; do
  if [ "$(cat "$block/serial" 2>/dev/null)" = "$1" ]; then disk=${block##*/}; fi
done
[ -n "$disk" ] || { echo "no such disk"; exit 1; }
target=/dev/$disk
part=$(ls -d "/sys/block/$disk/$disk"* 2>/dev/null | tail -n 1)
if [ -n "$part" ]; then
  command -v growpart >/dev/null || { echo "growpart is not installed"; exit 1; }
  growpart "$target" "$(cat "$part/partition")" || [ $? -eq 1 ] || exit 1
  target=/dev/${part##*/}
fi
case $(blkid -o value -s TYPE "$target") in
  ext?) resize2fs "$target" ;;
  xfs) xfs_growfs "$(findmnt -n -o TARGET "$target")" ;;
  btrfs) btrfs filesystem resize max "$(findmnt -n -o TARGET "$target")" ;;
  "") echo "no file system" ;;
  *) echo "not a file system that grows while it is in use"; exit 1 ;;
esac
"""


def grow_file_system(domain: libvirt.virDomain, serial: str) -> str:
    """Grow what is on the disk with this serial; "" when it was done, else why not."""
    told = run(domain, ["/bin/sh", "-c", _GROW, "sh", serial])
    if told is None:
        return "the guest agent does not answer, or runs no programs"
    code, output = told
    return (
        "" if code == 0 else output.strip().splitlines()[-1][:200] if output.strip() else "failed"
    )
