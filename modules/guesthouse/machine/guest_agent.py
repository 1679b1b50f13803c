"""The QEMU guest agent, asked through libvirt (https://qemu.org/docs/master/interop/qemu-ga-ref)."""

from __future__ import annotations

import base64
import json
from typing import Any

import libvirt
import libvirt_qemu


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


def read_file(domain: libvirt.virDomain, path: str, timeout_s: int = 10) -> str | None:
    """A small text file of the guest (up to 48 KiB), or None when it can't be read."""
    try:
        handle = _call(domain, "guest-file-open", timeout_s, path=path, mode="r")
        try:
            answer = _call(domain, "guest-file-read", timeout_s, handle=handle, count=48 * 1024)
        finally:
            _call(domain, "guest-file-close", timeout_s, handle=handle)
    except libvirt.libvirtError:
        return None
    return base64.b64decode(answer["buf-b64"]).decode(errors="replace")
