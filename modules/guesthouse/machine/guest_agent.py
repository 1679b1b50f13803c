"""The QEMU guest agent, asked through libvirt (https://qemu.org/docs/master/interop/qemu-ga-ref).

It is a program of the guest and may answer anything: what is not of the expected type, or too
large, counts as no answer.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any, Generic, TypeVar

import libvirt
import libvirt_qemu
from pydantic import BaseModel, ConfigDict, Field

# It does not answer in time, or has lost its place in the talk: it may a moment later. The last is
# VIR_ERR_AGENT_COMMAND_TIMEOUT, for which libvirt before 11.2 has no name.
SILENT = (libvirt.VIR_ERR_AGENT_UNRESPONSIVE, libvirt.VIR_ERR_AGENT_UNSYNCED, 112)


# Larger answers than these are none: a file's 48 KiB, a program's last words, a list of vCPUs.
LIMIT_CHARACTERS = 4 * 1024**2
Id = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
Base64 = Annotated[str, Field(max_length=1024**2)]
T = TypeVar("T")


class _Answer(BaseModel):
    """Types are as the agent's schema has them; what is more than these is left out."""

    model_config = ConfigDict(strict=True, frozen=True)


class _Reply(_Answer, Generic[T]):
    told: T = Field(alias="return")


class _File(_Answer):
    data: Base64 = Field(alias="buf-b64")


class _Program(_Answer):
    pid: Id


class _Status(_Answer):
    exited: bool
    code: int = Field(-1, alias="exitcode", ge=-1, lt=2**31)
    out: Base64 = Field("", alias="out-data")
    err: Base64 = Field("", alias="err-data")


_NOT_YET = _Status.model_validate({"exited": False})


class _Vcpu(_Answer):
    number: Id = Field(alias="logical-id")
    online: bool


class _Block(_Answer):
    number: Id = Field(alias="phys-index")
    online: bool


Vcpus = Annotated[list[_Vcpu], Field(max_length=4096)]
Blocks = Annotated[list[_Block], Field(max_length=65536)]
# Each raises only libvirtError and ValueError: an answer that is no answer (ValidationError is
# one, and binascii's error).
NO_ANSWER = (libvirt.libvirtError, ValueError)


def _call(
    domain: libvirt.virDomain, command: str, timeout_s: int, kind: type[T], **arguments: Any
) -> T:
    """What the agent tells, as ``kind``; raises ValueError when it tells something else."""
    request: dict[str, Any] = {"execute": command}
    if arguments:
        request["arguments"] = arguments
    answer = libvirt_qemu.qemuAgentCommand(domain, json.dumps(request), timeout_s, 0)
    if not isinstance(answer, str) or len(answer) > LIMIT_CHARACTERS:
        raise ValueError(f"{command}: an answer of more than {LIMIT_CHARACTERS} characters")
    # A lone surrogate has no bytes: UnicodeEncodeError is a ValueError too.
    return _Reply[kind].model_validate_json(answer.encode()).told  # type: ignore[valid-type]


def ping(domain: libvirt.virDomain, timeout_s: int = 2) -> bool:
    """Does the agent answer?"""
    try:
        _call(domain, "guest-ping", timeout_s, dict)
    except NO_ANSWER:
        return False
    return True


def is_there(domain: libvirt.virDomain) -> bool:
    """Does the agent answer, however slowly? One that nobody runs does not, at once.

    libvirt gives it no more than five seconds to find its place in the talk again.
    """
    return any(ping(domain, 5) for _ in range(3))


def read_file(domain: libvirt.virDomain, path: str, timeout_s: int = 10) -> str | None:
    """A small text file of the guest (up to 48 KiB), or None when it can't be read, or what the
    agent tells can't.

    Raises libvirtError when the agent is silent, which tells nothing of the file.
    """
    count = 48 * 1024
    try:
        handle = _call(domain, "guest-file-open", timeout_s, Id, path=path, mode="r")
        try:
            file = _call(domain, "guest-file-read", timeout_s, _File, handle=handle, count=count)
        finally:
            with suppress(*NO_ANSWER):
                _call(domain, "guest-file-close", timeout_s, dict, handle=handle)
        return base64.b64decode(file.data)[:count].decode(errors="replace")
    except libvirt.libvirtError as error:
        if error.get_error_code() in SILENT:
            raise
        return None
    except ValueError:
        return None


def run(
    domain: libvirt.virDomain, argv: Sequence[str], timeout_s: int = 120
) -> tuple[int, str] | None:
    """(exit code, output) of a program in the guest, or None when the agent won't or can't."""
    deadline = time.monotonic() + timeout_s
    try:
        command = {"path": argv[0], "arg": list(argv[1:]), "capture-output": True}
        pid = _call(domain, "guest-exec", 30, _Program, **command).pid
        while not (status := _status(domain, pid)).exited:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.5)
        output = base64.b64decode(status.out) + base64.b64decode(status.err)
    except NO_ANSWER:
        return None
    return status.code, output.decode(errors="replace")


def _status(domain: libvirt.virDomain, pid: int) -> _Status:
    """Of a program; an agent that is silent for a moment has not said that it ended.

    That it ended is told once: when just that answer comes too late, it is lost.
    """
    try:
        return _call(domain, "guest-exec-status", 30, _Status, pid=pid)
    except libvirt.libvirtError as error:
        if error.get_error_code() in SILENT:
            return _NOT_YET
        raise


def online_vcpus(domain: libvirt.virDomain) -> int:
    """Take in the vCPUs that are there and offline; how many are online then, 0 when the agent
    does not tell."""
    try:
        found = _call(domain, "guest-get-vcpus", 10, Vcpus)
        off = [{"logical-id": vcpu.number, "online": True} for vcpu in found if not vcpu.online]
        if off:
            _call(domain, "guest-set-vcpus", 60, int, vcpus=off)
            found = _call(domain, "guest-get-vcpus", 10, Vcpus)
    except NO_ANSWER:
        return 0
    return sum(vcpu.online for vcpu in found)


def online_memory(domain: libvirt.virDomain) -> None:
    """Take plugged memory in, where the guest's system has not done so by itself."""
    try:
        found = _call(domain, "guest-get-memory-blocks", 30, Blocks)
        new = [{"phys-index": block.number, "online": True} for block in found if not block.online]
        if new:
            _call(domain, "guest-set-memory-blocks", 60, list, **{"mem-blks": new})
    except NO_ANSWER:
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
