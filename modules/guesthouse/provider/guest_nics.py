"""A NIC plugged into a running guest gets its name and address there, through the agent.

cloud-init looks at its network-config when the guest boots; until then this holds, and a boot
forgets it. Follows https://systemd.io/ (systemd.network(5)) where networkd runs, ip(8) elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import libvirt

from guesthouse.effects import Change
from guesthouse.machine import guest_agent
from guesthouse.provider.resource import Call, Values

# Runs in the guest. Arguments: MAC, name, address with prefix length or "", yes or "" for DHCP,
# gateway, DNS servers.
CONFIGURE = """\
set -e
for n in $(seq 30); do
  # udev gives a new NIC a name of its own, under our hands if we do not let it.
  if command -v udevadm >/dev/null; then udevadm settle --timeout=2 || true; fi
  dev=
  for link in /sys/class/net/*; do
    [ "$(cat "$link/address" 2>/dev/null)" = "$1" ] && dev=${link##*/}
  done
  if [ "$dev" = "$2" ]; then break; fi
  if [ -n "$dev" ]; then
    ip link set dev "$dev" down && ip link set dev "$dev" name "$2" && continue
  fi
  sleep 1
done
[ -n "$dev" ] || { echo "no NIC with $1"; exit 1; }
[ "$dev" = "$2" ] || { echo "its NIC $dev does not take this name"; exit 1; }
if systemctl -q is-active systemd-networkd 2>/dev/null; then
  mkdir -p /run/systemd/network
  {
    printf '[Match]\\nMACAddress=%s\\n[Network]\\n' "$1"
    if [ -n "$3" ]; then echo "Address=$3"; fi
    if [ -n "$4" ]; then echo DHCP=ipv4; fi
    if [ -n "$5" ]; then echo "Gateway=$5"; fi
    for server in $6; do echo "DNS=$server"; done
  } >"/run/systemd/network/05-guesthouse-$2.network"
  networkctl reload
  ip link set dev "$2" up
else
  ip link set dev "$2" up
  if [ -n "$3" ]; then ip address replace "$3" dev "$2"; fi
  if [ -n "$5" ]; then ip route replace default via "$5" dev "$2"; fi
  if [ -n "$4" ] && command -v udhcpc >/dev/null; then udhcpc -q -n -i "$2" >/dev/null 2>&1 &
  elif [ -n "$4" ]; then dhclient -nw "$2"
  fi
fi
"""


def plugged_in(todo: Sequence[Change]) -> set[str]:
    """MACs of the NICs that these changes plug in."""
    return {c.key[-1] for c in todo if c.path == "+interface" or c.path.startswith("vf/")}


def configure(
    call: Call, domain: libvirt.virDomain, nics: Sequence[Values], plugged: Collection[str]
) -> None:
    """Configure those of the ``nics`` whose MACs (lower case) were plugged in; say so where the
    guest can't be told."""
    for nic in nics:
        if nic["mac"].lower() in plugged:
            words = (
                nic["mac"].lower(),
                nic["name"],
                nic["address"],
                "yes" if nic["dhcp"] else "",
                nic["gateway"],
                " ".join(nic["nameservers"]),
            )
            told = guest_agent.run(domain, ["/bin/sh", "-c", CONFIGURE, "sh", *words])
            if told is None or told[0]:
                why = told[1].strip()[-200:] if told else "the guest agent does not answer"
                name = f"{domain.name()}: NIC {nic['name']}"
                call.say(f"{name} is plugged in, its address is set at the next boot: {why}")
