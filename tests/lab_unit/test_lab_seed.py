"""The small guest's seed reader: its pure parts, as the guest runs them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from guesthouse.lab.recipes.small.overlay.usr.lib.small.seed import __main__ as seed
from guesthouse.lab.recipes.small.overlay.usr.lib.small.seed import network, users

NIC = {
    "match": {"macaddress": "52:54:00:AA:00:01"},
    "set-name": "lan0",
    "dhcp4": False,
    "addresses": ["10.90.0.11/24", "2001:db8::1/64"],
    "routes": [{"to": "0.0.0.0/0", "via": "10.90.0.1", "metric": 5}],
}


def test_a_static_nic_is_found_by_mac_named_and_addressed() -> None:
    text = "\n".join(network.lines("lan0", NIC))
    assert "find_link 52:54:00:aa:00:01" in text
    assert 'ip link set dev "$link" name lan0' in text
    assert 'ip addr replace 10.90.0.11/24 dev "$link"' in text
    assert 'ip addr replace 2001:db8::1/64 dev "$link"' in text
    assert 'ip route replace default via 10.90.0.1 dev "$link" metric 5' in text
    assert "udhcpc" not in text


def test_dhcp_does_not_hold_up_the_boot() -> None:
    assert list(network.lines("nat0", {"dhcp4": True}))[-2].endswith("&")


def test_the_script_is_shell() -> None:
    both = [*network.lines("lan0", NIC), *network.lines("nat0", {"dhcp4": True})]
    script = network.HEAD + "\n".join(both)
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)


def test_what_the_network_cannot_do_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"ethernets.e0: not supported: critical"):
        list(network.lines("e0", {"critical": True}))


def test_unknown_keys_are_errors_and_empty_ones_are_not() -> None:
    seed.refuse_unknown({"hostname": "a", "packages": [], "growpart": {"mode": "auto"}})
    with pytest.raises(ValueError, match="not supported by the small guest: packages"):
        seed.refuse_unknown({"packages": ["vim"]})


@pytest.mark.parametrize(
    ("user", "names"),
    [
        ({}, []),
        ({"ssh_authorized_keys": ["k"]}, ["debian"]),
        ({"users": ["default", {"name": "admin"}, "bob"]}, ["debian", "admin", "bob"]),
        ({"users": []}, []),
    ],
)
def test_users_are_cloud_inits(user: dict[str, object], names: list[str]) -> None:
    assert [entry["name"] for entry in users.wanted(user)] == names


def test_a_failing_step_is_noted_and_the_next_one_runs() -> None:
    report = seed.Report("/dev/sr0")
    assert report.step("runcmd", seed.run_commands, ["true", ["sh", "-c", "exit 3"]]) is None
    report.step("again", seed.run_commands, ["true"])
    assert report.source == "DataSourceNoCloud [seed=/dev/sr0]"
    assert len(report.errors) == 1
    assert report.errors[0].startswith("('runcmd', CalledProcessError(")


def test_files_are_written_with_their_mode(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "f"
    owner = f"{path.owner() if path.exists() else tmp_path.owner()}:{tmp_path.group()}"
    users.write_files(
        [
            {"path": str(path), "content": "aGk=", "encoding": "b64", "owner": owner},
            {"path": str(path), "content": "!", "append": True, "permissions": "0600",
             "owner": owner},
        ]
    )  # fmt: skip
    assert path.read_text() == "hi!"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("when", [["boot-new-instance", "boot"], ["boot-new-instance"], []])
def test_a_known_instance_gets_its_network_again_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: list[str]
) -> None:
    monkeypatch.setattr(seed, "SEED", tmp_path)
    written: list[object] = []
    monkeypatch.setattr(network, "write", written.append)
    (tmp_path / "network-config").write_text("version: 2\n")
    if when:
        updates = f"updates: {{network: {{when: {when}}}}}"
        (tmp_path / "vendor-data").write_text(f"#cloud-config\n{updates}\n")
    seed.renew_network("/dev/vdz")
    assert written == ([{"version": 2}] if "boot" in when else [])
