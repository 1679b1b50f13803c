"""A PCI device of a host given to a running guest, and back: the lab's spare card (e1000e)."""

from __future__ import annotations

from lab_project import Edit, LabProject

from guesthouse.lab.host import EMULATED

KIND = EMULATED

DRIVER = "basename $(readlink /sys/bus/pci/devices/0000:02:00.0/driver)"
SEEN = "cat /sys/bus/pci/devices/*/device | grep -c 0x10d3 || true"
GONE = "for n in $(seq 60); do virsh dumpxml remote | grep -q ua-spare || exit 0; sleep 1; done; "
GONE += "exit 1"
GUESTS = "guests:\n  near:"
REMOTE = "    host: p2\n"


def declared(place: str) -> tuple[str, ...]:
    """The texts of the site file that give `remote` the device at this address."""
    devices = f'devices:\n  spare: {{p2: "{place}"}}\n'
    return GUESTS, devices + GUESTS, REMOTE, f"{REMOTE}    devices: [spare]\n"


def test_a_device_goes_to_a_running_guest_and_comes_back(deployed: LabProject, edit: Edit) -> None:
    boot = deployed.boot_id("remote")
    assert deployed.host(DRIVER, name="p2").strip() == "e1000e"
    edit(*declared("0000:09:00.0"))
    assert "0000:09:00.0" in deployed.refused()
    edit(*declared("0000:02:00.0"))
    assert "device spare added (live)" in deployed.said()
    deployed.guesthouse("up", "lab", "--yes")
    assert deployed.host(DRIVER, name="p2").strip() == "vfio-pci"
    assert deployed.guest("remote", SEEN).strip() == "1"
    deployed.is_steady()
    deployed.host(f"virsh -q detach-device-alias remote ua-spare --live; {GONE}", name="p2")
    told = deployed.run("preview", "lab", "--refresh")
    assert "device spare added (live)" in told.stdout + told.stderr
    deployed.guesthouse("up", "lab", "--yes", "--refresh")
    assert deployed.guest("remote", SEEN).strip() == "1"
    edit()
    deployed.guesthouse("up", "lab", "--yes")
    assert deployed.host(DRIVER, name="p2").strip() == "e1000e"
    assert deployed.guest("remote", SEEN).strip() == "0"
    assert deployed.boot_id("remote") == boot
