"""Facts of libvirt, read from what virsh 11.3 said on a lab host about one running guest."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest

import cases
from guesthouse.facts import guest, virsh
from guesthouse.facts.guest import DomainDisk, DomainNic, Shape
from guesthouse.facts.hypervisor import hypervisor
from guesthouse.facts.network import NetworkFact, network
from guesthouse.facts.storage import PoolFact

RECORDED = (Path(__file__).parent / "recorded_facts" / "virsh.txt").read_text()
SIZES = ("vcpus", "vcpus_max", "memory_mib", "memory_max_mib")
CONFIG = Shape(
    acceleration="kvm",
    vcpus=1,
    vcpus_max=2,
    memory_mib=64,
    boot_memory_mib=64,
    memory_max_mib=128,
    cpu_shares=0,
    cpu_limit_percent=0,
    machine="pc-q35-10.0",
    cpu="host-model",
    firmware="bios",
    description="try <it> & see",
    on_crash="restart",
    watchdog="reset",  # the machine type's own
    panic_device=False,
    disks={
        "vda": DomainDisk("disk", "/srv/try/tryfacts.root.qcow2", "root", discard="unmap"),
        "vdb": DomainDisk("disk", "/srv/try/tryfacts.data.qcow2", "data", discard="unmap"),
        "sda": DomainDisk("cdrom", "/srv/try/tryfacts.seed.iso", ""),
    },
    nics={
        "52:62:dd:37:f3:15": DomainNic("network", "trynet", ""),
        "52:85:79:ad:8a:d5": DomainNic("bridge", "trybr", ""),
    },
)


def test_a_running_guest_with_its_pool_and_network() -> None:
    question = hypervisor(["tryfacts", "absent"], ["trypool", "absent"], ["trynet", "absent"])
    fact = question.parse(RECORDED)
    assert fact.pools == {
        "trypool": PoolFact("e2f5411f-d27d-413d-9e1a-9330ea8ea517", "dir", "/srv/try", True, True)
    }
    assert fact.networks == {
        "trynet": NetworkFact(
            uuid="c95eadca-866f-4c18-b8b3-c8e18a1b3769",
            kind="nat",
            bridge="gh6014fbd00f28",
            addresses=("10.66.6.1/24",),
            dhcp=True,
            dhcp_ranges=("10.66.6.2-10.66.6.254",),
            active=True,
            autostart=True,
        )
    }
    assert list(fact.domains) == ["tryfacts"]
    domain = fact.domains["tryfacts"]
    assert (domain.state, domain.autostart) == ("running", True)
    assert (domain.uuid, domain.mark) == (
        "efd6ae45-4bba-56d1-9f7d-733583e2c440",
        "tryfacts/try/try/tryfacts",
    )
    assert domain.config == CONFIG
    assert domain.live is not None
    assert domain.live.cpu == "custom"
    taps = {mac: nic.tap for mac, nic in domain.live.nics.items()}
    assert taps == {"52:62:dd:37:f3:15": "vnet1", "52:85:79:ad:8a:d5": "vnet2"}
    assert dataclasses.replace(domain.live, cpu="host-model", nics=CONFIG.nics) == CONFIG


@pytest.mark.parametrize("case", cases.CASES)
def test_our_own_documents_are_read_as_planned(case: str) -> None:
    """What we write and what we read are the same words: nothing is checked with a blind eye."""
    for name, document in cases.guest_documents(case).items():
        plan = cases.site_plan(case).guests[name]
        seen = guest.shape(virsh.xml(document.domain_xml))
        for key in (*SIZES, "machine", "cpu", "firmware", "on_crash", "panic_device"):
            assert getattr(seen, key) == getattr(plan, key)
        assert (seen.description, seen.watchdog) == (plan.description, plan.watchdog)
        host = cases.site_plan(case).hosts[plan.host]
        assert seen.acceleration == (host.host.acceleration if host.has_ssh else "test")
        assert seen.cpu_shares == plan.cpu_shares
        assert seen.cpu_limit_percent == plan.cpu_limit_percent
        disks = {
            d.target: DomainDisk(
                "disk",
                d.path,
                d.serial,
                d.max_mib_per_s << 20,
                d.max_iops,
                d.cache,
                d.io,
                d.discard,
            )
            for d in plan.disks
        }
        if plan.cloud_init:
            disks[plan.seed_target] = DomainDisk("disk", plan.seed_path, "")
        assert seen.disks == disks
        assert seen.devices == {d.name: d.place for d in plan.devices}
        rates = {m: (n.max_rx_kb_per_s, n.max_tx_kb_per_s) for m, n in seen.nics.items()}
        assert rates == {n.mac: (n.max_rx_mbps * 125, n.max_tx_mbps * 125) for n in plan.nics}


def test_a_guest_that_is_off_has_nothing_live() -> None:
    info = "UUID: u\nState:          shut off\nAutostart:      disable\n"
    xml = "<domain><memory unit='GiB'>1</memory><vcpu>2</vcpu></domain>"
    domain = guest.domain(info, xml, xml)
    assert (domain.live, domain.autostart, domain.mark) == (None, False, "")
    assert (domain.config.memory_mib, domain.config.vcpus, domain.config.vcpus_max) == (1024, 2, 2)


def test_virsh_itself_answers_in_marked_parts() -> None:
    """libvirt's test driver stands in for QEMU: the same client, the same words."""
    command = hypervisor(["test", "nope"], ["default-pool"], ["default"]).command
    command = command.replace(virsh.SYSTEM, "test:///default")
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    fact = hypervisor(["test", "nope"], ["default-pool"], ["default"]).parse(done.stdout)
    assert list(fact.domains) == ["test"]
    assert fact.domains["test"].state == "running"
    assert fact.pools["default-pool"].path == "/default-pool"
    assert fact.networks["default"].addresses == ("192.168.122.1/24",)


def test_no_connection_is_a_failure_and_not_an_empty_answer() -> None:
    command = hypervisor(["test"], [], []).command.replace(virsh.SYSTEM, "test:///no/such/file")
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "failed to connect" in done.stderr


# From `virsh dumpxml --inactive` of libvirt 11.3.
LIMITED = """<domain type='kvm'>
  <memory unit='KiB'>786432</memory>
  <vcpu placement='static' current='2'>4</vcpu>
  <cputune>
    <shares>200</shares>
    <global_period>100000</global_period>
    <global_quota>{quota}</global_quota>
  </cputune>
  <devices>
    <disk type='file' device='disk'>
      <source file='/srv/guests/web.data.qcow2'/>
      <target dev='vdb' bus='virtio'/>
      <iotune>
        <total_bytes_sec>8388608</total_bytes_sec>
        <total_iops_sec>100</total_iops_sec>
      </iotune>
      <serial>data</serial>
    </disk>
    <interface type='network'>
      <mac address='52:69:f8:48:04:75'/>
      <source network='nat'/>
      <bandwidth>
        <inbound average='2500'/>
        <outbound average='1250'/>
      </bandwidth>
    </interface>
  </devices>
</domain>
"""


def test_limits() -> None:
    found = guest.shape(virsh.xml(LIMITED.format(quota=80000)))
    assert (found.cpu_shares, found.cpu_limit_percent) == (200, 80)
    path = "/srv/guests/web.data.qcow2"
    assert found.disk(path) == DomainDisk("disk", path, "data", 8 * 1024**2, 100)
    assert found.nics["52:69:f8:48:04:75"] == DomainNic("network", "nat", "", 2500, 1250)


def test_a_limit_that_was_taken_back_is_none() -> None:
    assert guest.shape(virsh.xml(LIMITED.format(quota=-1))).cpu_limit_percent == 0


# A virtual function: by hand, after `virsh dumpxml --inactive` and `virsh dumpxml` on the lab.
STORED_VF = """<domain type='kvm'><memory>1</memory><vcpu>1</vcpu><devices>
  <interface type='network'>
    <mac address='52:00:00:00:00:0A'/>
    <source network='vf'/>
    <vlan>
      <tag id='42'/>
    </vlan>
  </interface>
</devices></domain>
"""
RUNNING_VF = STORED_VF.replace("type='network'", "type='hostdev' managed='yes'").replace(
    "<source network='vf'/>",
    "<driver name='vfio'/><source>"
    "<address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x2'/></source>"
    "<alias name='hostdev0'/><address type='pci' domain='0x0000' bus='0x05' slot='0x00'/>",
)


@pytest.mark.parametrize(
    ("text", "nic"),
    [
        (STORED_VF, DomainNic("network", "vf", "", vlan=42)),
        (RUNNING_VF, DomainNic("hostdev", "", "", pci_address="0000:01:10.2", vlan=42)),
        (
            RUNNING_VF.replace("<tag id='42'/>", ""),
            DomainNic("hostdev", "", "", 0, 0, "0000:01:10.2"),
        ),
    ],
)
def test_a_virtual_function(text: str, nic: DomainNic) -> None:
    assert guest.shape(virsh.xml(text)).nics == {"52:00:00:00:00:0a": nic}


# By hand, after `virsh net-dumpxml` on the lab with a guest plugged in.
POOL = """<network connections='1'>
  <name>vf</name>
  <uuid>c95eadca-866f-4c18-b8b3-c8e18a1b3769</uuid>
  <forward mode='hostdev' managed='yes'>
    <driver name='vfio'/>
    <address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x2' connections='1'/>
    <address type='pci' domain='0x0000' bus='0x01' slot='0x11' function='0x0'/>
  </forward>
</network>
"""


def test_a_network_of_virtual_functions() -> None:
    info = "Name: vf\nUUID: u\nActive:         yes\nPersistent:     yes\nAutostart:      no\n"
    assert network(info, POOL) == NetworkFact(
        uuid="u",
        kind="sriov",
        bridge="",
        addresses=(),
        dhcp=False,
        dhcp_ranges=(),
        active=True,
        autostart=False,
        vfs=("0000:01:10.2", "0000:01:11.0"),
    )
