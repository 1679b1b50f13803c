"""The smallest words of the model: names, addresses, sizes, each with its pattern and unit."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from guesthouse.display import NOT_IN_LINE, NOT_IN_TEXT


class Model(BaseModel):
    """Base of all models: frozen, and a key that is not a field is a problem."""

    # Built at first use: a program that only needs the words does not wait for the validators.
    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, defer_build=True
    )


def _unscoped(value: str) -> str:
    """A scope id is any text (RFC 4007), and means something on one machine only."""
    if "%" in value:
        raise ValueError("has a scope id, which only one machine understands")
    return value


def _host_address(value: str) -> str:
    return _ip(value) if ":" in value else value


def _interface(value: str) -> str:
    """An address with its prefix length, as ``10.90.0.11/24``; kept as text."""
    if "/" not in value:
        raise ValueError("the prefix length is missing (as in 10.90.0.11/24)")
    interface = ipaddress.ip_interface(_unscoped(value))
    network = interface.network
    if network.num_addresses > 2 and interface.ip in (
        network.network_address,
        network.broadcast_address if network.version == 4 else None,
    ):
        raise ValueError("that is the network's own address, not a machine's")
    return str(interface)


def _network(value: str) -> str:
    """A subnet as ``10.77.0.0/24``: no host bits, room for a gateway and one guest."""
    network = ipaddress.ip_network(_unscoped(value))
    if network.num_addresses < 4:
        raise ValueError("the subnet has no room for a gateway and a guest")
    return str(network)


def _ip(value: str) -> str:
    return str(ipaddress.ip_address(_unscoped(value)))


def _mac(value: str) -> str:
    """A unicast MAC; libvirt keeps 0xfe as first byte for the host's end of a tap device."""
    first = int(value[:2], 16)
    if first & 1:
        raise ValueError("that is a multicast MAC address")
    if first == 0xFE:
        raise ValueError("libvirt keeps MAC addresses that begin with fe for itself")
    return value.lower()


# How a URL begins: RFC 3986, 3.1.
_URL = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*)://")


def url_scheme(text: str) -> str:
    """The scheme of a URL, as "https"; empty for a path."""
    found = _URL.match(text)
    return found[1] if found else ""


# A name becomes a host name, a domain name and a part of file names: RFC 1123 label.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
# Linux: IFNAMSIZ is 16 with the closing NUL; no slash, no colon, no blank.
InterfaceName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,14}$")]
UserName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
# apt-get(8) removes what is named with a minus behind it, and strips a plus; g++ is a name.
PackageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]*([a-z0-9.]|\+\+)$")]
UnitName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9:_.@-]+\.(service|socket|timer|target|path|mount)$")
]
# One line, and text of several lines, in which every letter is seen.
Line = Annotated[str, StringConstraints(pattern=rf"^[^{NOT_IN_LINE}]*$")]
# A path of this machine, as ssh_config(5) takes it in quotes.
OwnPath = Annotated[
    str, StringConstraints(pattern=rf'^([^{NOT_IN_LINE}"\\-][^{NOT_IN_LINE}"\\]*)?$')
]
Text = Annotated[str, StringConstraints(pattern=rf"^[^{NOT_IN_TEXT}]*$")]
_PART = f"[^/{NOT_IN_LINE}]+"
AbsolutePath = Annotated[
    str, StringConstraints(pattern=rf"^/({_PART}(/{_PART})*/?)?$", max_length=4096)
]
# A host's name or address for ssh(1); empty where there is none.
HostAddress = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z0-9_:][A-Za-z0-9._:-]*)?$", max_length=253),
    AfterValidator(_host_address),
]
FileMode = Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$", to_lower=True)]
HostKey = Annotated[
    str, StringConstraints(pattern=r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-[a-z0-9-]+) [A-Za-z0-9+/=]+$")
]
InterfaceAddress = Annotated[str, AfterValidator(_interface)]
Subnet = Annotated[str, AfterValidator(_network)]
IpAddress = Annotated[str, AfterValidator(_ip)]
Mac = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$"),
    AfterValidator(_mac),
]
Port = Annotated[int, Field(ge=1, le=65535)]
# IEEE 802.1Q: 0 and 4095 are reserved.
VlanId = Annotated[int, Field(ge=1, le=4094)]
MemoryMib = Annotated[int, Field(ge=32, le=64 * 1024 * 1024)]
# No more than the provider's calls at a time on one host.
BootCount = Annotated[int, Field(ge=1, le=4)]
# A name that QEMU gives to a version of its q35 machine, or q35: the newest that the host has.
MachineType = Annotated[str, StringConstraints(pattern=r"^(q35|pc-q35-[0-9]{1,3}\.[0-9]{1,2})$")]
VcpuCount = Annotated[int, Field(ge=1, le=4096)]
