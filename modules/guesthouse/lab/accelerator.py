"""How QEMU may run guests here: KVM if a kernel really boots under it, else emulation.

/dev/kvm may exist and still be unusable (a virtual machine's broken nesting): stock kernels then
die with "KVM internal error". So the host's own kernel is booted, without a disk, and must reach
the point where it looks for its root.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

QEMU = "qemu-system-x86_64"
KVM = "kvm"
TCG = "tcg,thread=multi"
DEVICE = Path("/dev/kvm")
CPUINFO = Path("/proc/cpuinfo")
PROBE_TIMEOUT_S = 20
# What the kernel says when it has brought everything up and finds no root file system.
REACHED = "Unable to mount root fs"


def probe_command(vmlinuz: Path, accelerator: str) -> list[str]:
    """A machine like the host's that ends by itself: panic=-1 reboots, -no-reboot then exits."""
    return [
        QEMU,
        *("-accel", accelerator, "-M", "q35", "-m", "512", "-smp", "2"),
        *("-cpu", "host" if accelerator == KVM else "max"),
        *("-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"),
        *("-kernel", str(vmlinuz), "-append", "console=ttyS0 panic=-1"),
    ]


def boots(vmlinuz: Path, accelerator: str, timeout_s: float = PROBE_TIMEOUT_S) -> bool:
    """Whether that kernel comes up under that accelerator within the time."""
    try:
        result = subprocess.run(
            probe_command(vmlinuz, accelerator),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
        )
    except (subprocess.TimeoutExpired, FileNotFoundError):
        return False
    return result.returncode == 0 and REACHED.encode() in result.stdout


def choose(vmlinuz: Path) -> str:
    """QEMU's -accel value. A device that cannot be opened is answer enough; one that can is not."""
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return TCG
    return KVM if boots(vmlinuz, KVM) else TCG


def is_kvm_likely() -> bool:
    """A guess before there is a kernel to try: the processor's own virtualisation (VMX, SVM)."""
    flags = CPUINFO.read_text().split() if DEVICE.exists() else []
    return "vmx" in flags or "svm" in flags
