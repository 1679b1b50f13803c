"""NoCloud network-config version 2 -> a shell script that each boot runs.

Covers ethernets: match by MAC or name, set-name, mtu, addresses, dhcp4, gateways, routes,
nameservers. Follows https://netplan.readthedocs.io/en/stable/netplan-yaml/
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCRIPT = Path("/var/lib/small/network.sh")

KNOWN = {
    "match", "set-name", "mtu", "addresses", "dhcp4", "dhcp6", "gateway4", "gateway6", "routes",
    "nameservers", "accept-ra", "optional",
}  # fmt: skip

# find_link prints the name of the interface with this MAC or name; virtio_net may come late.
HEAD = """\
find_link() {
    for try in 1 2 3 4 5 6 7 8 9 10; do
        for path in /sys/class/net/*; do
            name=${path##*/}
            [ "$name" = "$1" ] && echo "$name" && return
            [ "$(cat "$path/address" 2>/dev/null)" = "$1" ] && echo "$name" && return
        done
        sleep 0.3
    done
    echo "no interface $1" >&2
    return 1
}
"""


def lines(name: str, settings: dict[str, Any]) -> Iterator[str]:
    """The commands for one entry of ``ethernets``."""
    unknown = sorted(set(settings) - KNOWN)
    if unknown:
        raise ValueError(f"ethernets.{name}: not supported: {', '.join(unknown)}")
    match = settings.get("match") or {}
    key = str(match.get("macaddress") or match.get("name") or name).lower()
    link = settings.get("set-name") or (name if match.get("macaddress") is None else "")
    yield f"if link=$(find_link {shlex.quote(key)}); then"
    if link:
        quoted = shlex.quote(link)
        yield f'[ "$link" = {quoted} ] || {{ ip link set dev "$link" down; '
        yield f'ip link set dev "$link" name {quoted}; link={quoted}; }}'
    if settings.get("mtu"):
        yield f'ip link set dev "$link" mtu {int(settings["mtu"])}'
    if settings.get("accept-ra") is False:
        yield 'echo 0 > "/proc/sys/net/ipv6/conf/$link/accept_ra"'
    yield 'ip link set dev "$link" up'
    for address in settings.get("addresses") or []:
        text = address if isinstance(address, str) else next(iter(address))
        yield f'ip addr replace {shlex.quote(text)} dev "$link"'
    for family, gateway in (("-4", settings.get("gateway4")), ("-6", settings.get("gateway6"))):
        if gateway:
            yield f'ip {family} route replace default via {shlex.quote(gateway)} dev "$link"'
    for route in settings.get("routes") or []:
        yield from route_lines(route)
    if settings.get("dhcp4"):
        yield 'udhcpc -b -t 5 -T 2 -S -i "$link" -s /usr/lib/small/udhcpc -x hostname:$(hostname) &'
    yield "fi"


def route_lines(route: dict[str, Any]) -> Iterator[str]:
    """One route; ``to`` may be ``default`` or a network."""
    target = {"0.0.0.0/0": "default", "::/0": "default"}.get(route["to"], route["to"])
    via = f"via {shlex.quote(route['via'])} " if route.get("via") else ""
    metric = f" metric {int(route['metric'])}" if route.get("metric") else ""
    family = "-6 " if ":" in route["to"] + route.get("via", "") else ""
    yield f'ip {family}route replace {shlex.quote(target)} {via}dev "$link"{metric}'


def write(config: dict[str, Any]) -> None:
    """Writes the script and /etc/resolv.conf; without ``ethernets``, all links ask for DHCP."""
    config = config.get("network", config)
    ethernets = config.get("ethernets") or {}
    unsupported = sorted(set(config) - {"version", "renderer", "ethernets"})
    servers: list[str] = []
    text = HEAD
    for name, settings in ethernets.items():
        text += "\n".join(lines(name, settings or {})) + "\n"
        servers += ((settings or {}).get("nameservers") or {}).get("addresses") or []
    if not config:
        text += 'for path in /sys/class/net/e*; do link=${path##*/}; ip link set "$link" up\n'
        text += 'udhcpc -b -t 5 -T 2 -S -i "$link" -s /usr/lib/small/udhcpc & done\n'
    SCRIPT.parent.mkdir(parents=True, exist_ok=True)
    SCRIPT.write_text(text)
    Path("/etc/resolv.conf").write_text("".join(f"nameserver {s}\n" for s in servers))
    if unsupported:
        raise ValueError(f"network-config: not supported: {', '.join(unsupported)}")
