"""ssh keys of a lab: made for it, never in a shared image, gone with it (ssh-keygen(1))."""

from __future__ import annotations

from pathlib import Path

from guesthouse.lab.tools import run


def ensure(path: Path, comment: str) -> str:
    """Makes an ed25519 key pair unless it is there; returns ``type base64`` of its public half."""
    if not path.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path)
    words = path.with_name(f"{path.name}.pub").read_text().split()
    return " ".join(words[:2])
