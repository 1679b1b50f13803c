"""A host's document: networkd files from bridges, everything else as declared, to the last byte."""

from __future__ import annotations

from configparser import ConfigParser
from typing import Any

import pytest

import cases
from guesthouse.model import Host, Service
from guesthouse.placement import HostPlan
from guesthouse.render import HostDocument, host_document

NETWORKD = "/etc/systemd/network"
ADDRESS = {"address": "h1", "host_keys": ["ssh-ed25519 AAAA"]}


def document(**fields: Any) -> HostDocument:
    """The document of a host with these fields."""
    return host_document(HostPlan("h1", Host.model_validate(ADDRESS | fields), "kvm", ()))


def sections(text: str) -> dict[str, dict[str, str]]:
    """A networkd file as its sections."""
    parser = ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


@pytest.mark.parametrize("content", ["one\n", "one", "", "\n", "\n\n a \n\t\n", "{{ x }}\n"])
def test_a_files_content_is_kept_to_the_last_byte(content: str) -> None:
    made = document(files={"/etc/motd": {"content": content}})
    assert made.files["/etc/motd"].content == content


@pytest.mark.parametrize("case", cases.CASES)
def test_rendered_files_end_with_a_newline(case: str) -> None:
    for plan in cases.site_plan(case).hosts.values():
        files = host_document(plan).files
        rendered = {path: file.content for path, file in files.items() if "guesthouse-" in path}
        assert [path for path, text in rendered.items() if not text.endswith("\n")] == []


def test_a_bridge_with_nic_and_address() -> None:
    made = document(bridges={"br0": {"nic": "enp0s4", "address": "10.90.0.1/24"}})
    texts = {path: sections(file.content) for path, file in made.files.items()}
    assert texts == {
        f"{NETWORKD}/10-guesthouse-br0.netdev": {
            "NetDev": {"Name": "br0", "Kind": "bridge"},
            "Bridge": {"STP": "no", "ForwardDelaySec": "0"},
        },
        f"{NETWORKD}/10-guesthouse-br0.network": {
            "Match": {"Name": "br0"},
            "Link": {"RequiredForOnline": "no"},
            "Network": {
                "ConfigureWithoutCarrier": "yes",
                "LinkLocalAddressing": "no",
                "Address": "10.90.0.1/24",
            },
        },
        f"{NETWORKD}/10-guesthouse-enp0s4.network": {
            "Match": {"Name": "enp0s4"},
            "Link": {"RequiredForOnline": "no"},
            "Network": {"Bridge": "br0", "LinkLocalAddressing": "no"},
        },
    }
    assert made.services == {"systemd-networkd.service": Service()}


def test_a_bridge_without_nic_has_no_file_for_one() -> None:
    assert sorted(document(bridges={"br0": {}}).files) == [
        f"{NETWORKD}/10-guesthouse-br0.netdev",
        f"{NETWORKD}/10-guesthouse-br0.network",
    ]


def test_without_bridges_networkd_is_left_alone() -> None:
    made = document(packages=["qemu-system-x86"], services={"libvirtd.service": {}})
    assert made.files == {}
    assert made.packages == ("qemu-system-x86",)
    assert made.services == {"libvirtd.service": Service()}


def test_a_declared_networkd_is_kept_as_declared() -> None:
    declared = {"systemd-networkd.service": {"enabled": False}}
    made = document(bridges={"br0": {}}, services=declared)
    assert made.services == {"systemd-networkd.service": Service(enabled=False)}
