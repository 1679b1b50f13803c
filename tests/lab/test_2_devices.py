"""A PCI device of a host given to a running guest, and back: the lab's spare card (e1000e)."""

from __future__ import annotations

from lab_project import Edit, LabProject

DRIVER = "basename $(readlink /sys/bus/pci/devices/0000:02:00.0/driver)"
SEEN = "cat /sys/bus/pci/devices/*/device | grep -c 0x10d3 || true"
GONE = (
    "for n in $(seq 60); do virsh dumpxml far | grep -q ua-spare || exit 0; sleep 1; done; exit 1"
)
GUESTS = "guests:\n  web:"
FAR = "    host: h2\n"


def declared(place: str) -> tuple[str, ...]:
    """The texts of the site file that give `far` the device at this address."""
    devices = f'devices:\n  spare: {{h2: "{place}"}}\n'
    return GUESTS, devices + GUESTS, FAR, f"{FAR}    devices: [spare]\n"


def test_a_device_goes_to_a_running_guest_and_comes_back(deployed: LabProject, edit: Edit) -> None:
    boot = deployed.guest("far", "cat /proc/sys/kernel/random/boot_id")
    assert deployed.host(DRIVER, name="h2").strip() == "e1000e"
    edit(*declared("0000:09:00.0"))
    assert "0000:09:00.0" in deployed.refused()
    edit(*declared("0000:02:00.0"))
    assert "device spare added (live)" in deployed.said()
    deployed.guesthouse("up", "lab", "--yes")
    assert deployed.host(DRIVER, name="h2").strip() == "vfio-pci"
    assert deployed.guest("far", SEEN).strip() == "1"
    deployed.is_steady()
    deployed.host(f"virsh -q detach-device-alias far ua-spare --live; {GONE}", name="h2")
    told = deployed.run("preview", "lab", "--refresh")
    assert "device spare added (live)" in told.stdout + told.stderr
    deployed.guesthouse("up", "lab", "--yes", "--refresh")
    assert deployed.guest("far", SEEN).strip() == "1"
    edit()
    deployed.guesthouse("up", "lab", "--yes")
    assert deployed.host(DRIVER, name="h2").strip() == "e1000e"
    assert deployed.guest("far", SEEN).strip() == "0"
    assert deployed.guest("far", "cat /proc/sys/kernel/random/boot_id") == boot
