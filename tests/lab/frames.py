"""Ethernet frames sent out of a guest by hand, and counted where they must not arrive.

Both ends are small programs (packet(7)) on the machines' own Python. The listener says when it
listens, so that none is missed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab_project import LabProject

COUNT = 20
LISTEN_S = 25
# A frame of an experimental type (IEEE 802, 88b5) and an offer as a DHCP server broadcasts it:
# from MAC, an 802.1Q tag or none, then IPv4 and UDP 67 -> 68, told by its contents.
_SEND = """\
import socket, sys, time
nic, mac, tag, kind = sys.argv[1:5]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((nic, 0))
if mac == "own":
    mac = open(f"/sys/class/net/{nic}/address").read().strip()
mac = bytes.fromhex(mac.replace(":", ""))
tag = b"\\x81\\x00" + int(tag).to_bytes(2, "big") if tag != "0" else b""
mark = b"guesthouse-" + kind.encode() + b"-" * 40
if kind == "offer":
    udp = bytes.fromhex("00430044") + (8 + len(mark)).to_bytes(2, "big") + bytes(2) + mark
    length = (20 + len(udp)).to_bytes(2, "big")
    head = b"\\x45\\x00" + length + bytes.fromhex("00000000401100000a5b006fffffffff")
    n = sum(int.from_bytes(head[i:i + 2], "big") for i in range(0, 20, 2))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    body = b"\\x08\\x00" + head[:10] + (~n & 0xffff).to_bytes(2, "big") + head[12:] + udp
else:
    body = b"\\x88\\xb5" + mark
for _ in range(COUNT):
    s.send(b"\\xff" * 6 + mac + tag + body)
    time.sleep(0.1)
"""
_LISTEN = """\
import socket, sys, time
nic, kind = sys.argv[1:3]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((nic, 0))
s.settimeout(0.5)
print("listening", flush=True)
found, end = 0, time.monotonic() + LISTEN_S
while time.monotonic() < end and found < COUNT:
    try:
        found += b"guesthouse-" + kind.encode() in s.recv(4096)
    except TimeoutError:
        pass
print("found", found, flush=True)
"""


def _program(text: str) -> str:
    return text.replace("LISTEN_S", str(LISTEN_S)).replace("COUNT", str(COUNT))


def send(lab: LabProject, guest: str, kind: str, mac: str = "own", vlan: int = 0) -> None:
    """Send frames out of the guest's data0; ``vlan`` is a tag of its own making."""
    words = f"data0 {mac} {vlan} {kind}"
    program = _program(_SEND)
    lab.guest(guest, f"sudo -n python3 - {words} <<'END'\n{program}\nEND\n")


def arrive(lab: LabProject, argv: Sequence[str], nic: str, kind: str, work: object) -> int:
    """How many frames arrive at ``nic`` of the machine that ``argv`` logs in to, while ``work`` is
    called."""
    command = Path(sys.executable).with_name("guesthouse")
    program = _program(_LISTEN)
    script = f"sudo -n python3 - {nic} {kind} <<'END'\n{program}\nEND\n"
    with subprocess.Popen(
        [str(command), "-C", str(lab.root), *argv, "--", "sh", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == "listening\n"
        assert callable(work)
        work()
        told = listener.stdout.read()
    found = re.search(r"found (\d+)", told)
    assert found, told
    return int(found[1])
