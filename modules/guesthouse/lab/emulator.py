"""The QEMU that emulates the lab's hosts where there is no KVM, with one fault mended.

QEMU's emulated VMRUN delivers the interrupt that the host's KVM injects, but leaves its number in
``exception_index``, as if it were still to be raised. A vCPU that is then called out of its loop
before the guest's next exit (a changed memory map is enough) raises it a second time, whatever the
guest's interrupt flag says: docs/decisions/0013. Built from the source that Debian has of it.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import time
from pathlib import Path

from guesthouse import cache
from guesthouse.errors import LabError, Problem
from guesthouse.lab.accelerator import QEMU
from guesthouse.lab.images import Say, cache_folder
from guesthouse.lab.recipe import SUITE
from guesthouse.lab.tools import follow, run

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# The file with VMRUN, what it calls to deliver an interrupt, and what has to follow.
SVM = "target/i386/tcg/system/svm_helper.c"
DELIVERED = "do_interrupt_x86_hardirq(env, vector, 1);"
DONE = "cs->exception_index = -1;"
# What a lab host has (host.command); the rest of QEMU's devices would triple the time.
DEVICES = """\
CONFIG_Q35=y
CONFIG_VTD=y
CONFIG_PCIE_PORT=y
CONFIG_FW_CFG_DMA=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_BLK=y
CONFIG_VIRTIO_NET=y
CONFIG_VIRTIO_RNG=y
CONFIG_IGB_PCI_EXPRESS=y
CONFIG_E1000E_PCI_EXPRESS=y
"""
CONFIGURE = (
    # Debian's own Python has meson's package; a user's may not.
    "--python=/usr/bin/python3",
    "--target-list=x86_64-softmmu",
    *("--without-default-features", "--without-default-devices", "--with-devices-x86_64=lab"),
    *("--enable-tcg", "--enable-slirp", "--enable-fdt=system", "--disable-debug-info"),
    # All sources are in the archive that apt has checked: nothing else is fetched.
    "--disable-download",
    *("--disable-docs", "--disable-tools", "--disable-guest-agent", "--disable-install-blobs"),
    # Where Debian's packages keep the firmware that QEMU loads into a machine.
    "--firmwarepath=/usr/share/qemu:/usr/share/seabios:/usr/lib/ipxe/qemu",
)
STEP = re.compile(r"\[(\d+)/(\d+)\]")


def program(say: Say) -> str:
    """The mended QEMU's path, built now if it is not cached (three minutes on two cores).

    Where that fails it is the system's own, and said so: the lab works, but for the fault.
    """
    folder = cache_folder().parent / f"qemu-{key()}"
    try:
        cache.home()
        with cache.locked(folder.parent / ".qemu.lock"):
            if not is_there(folder, say):
                build(folder, say)
    # No room, no index, another archive than expected: whatever it is, a lab is to be had.
    except (LabError, OSError, ValueError) as error:
        say(f"emulator: could not be built: {error}")
        say("emulator: the system's QEMU is used; under it a guest stands still now and then,")
        say("emulator: and `virsh reset` on its host wakes it; a new lab tries to build again")
        return QEMU
    return str(folder / QEMU)


def is_there(folder: Path, say: Say) -> bool:
    """Whether a QEMU was built there; one that is not as it was built is built again."""
    try:
        return cache.check(folder)
    except cache.DamagedError as error:
        say(f"emulator: {error}")
        return False


def key() -> str:
    """Content key, 16 hex digits: the code that builds it."""
    return hashlib.sha256(cache.VERSION + Path(__file__).read_bytes()).hexdigest()[:16]


def build(folder: Path, say: Say) -> None:
    """Builds in a scratch folder beside the target, which then appears complete."""
    begin = time.monotonic()
    say(f"emulator: building QEMU of Debian {SUITE}, once: about three minutes on two cores")
    for stale in folder.parent.glob(".qemu-*"):
        shutil.rmtree(stale, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=".qemu-", dir=folder.parent))
    try:
        source = fetch(work)
        prepare(source)
        made = work / "build"
        made.mkdir()
        compile_program(source, made, say)
        (work / "made").mkdir()
        (made / QEMU).rename(work / "made" / QEMU)
        cache.put(work / "made", folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    say(f"emulator: done in {time.monotonic() - begin:.0f} s")


def fetch(work: Path) -> Path:
    """The source, unpacked. apt checks it against Debian's signed index; its sources, lists and
    status file are our own and go away again (apt.conf(5))."""
    wanted = "--format=$(COMPONENT) $(REPO_URI) $(ORIGIN)"
    known = run("apt-get", "indextargets", wanted, "Created-By: Packages")
    (work / "sources.list").write_text(sources(known))
    (work / "status").touch()
    for name in ("lists", "archives"):
        (work / name / "partial").mkdir(parents=True)
    own = {
        "Dir::Etc::SourceList": work / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "Dir::State::Lists": work / "lists",
        "Dir::State::Status": work / "status",
        "Dir::Cache": work,
        "Dir::Cache::Archives": work / "archives",
        "APT::Sandbox::User": "",
        # A mirror that does not answer is an error, no warning.
        "APT::Update::Error-Mode": "any",
    }
    apt = ["apt-get", "--quiet=2", *(f"--option={name}={value}" for name, value in own.items())]
    run(*apt, "update", cwd=work)
    run(*apt, "source", "--download-only", "--tar-only", "qemu", cwd=work)
    (work / "source").mkdir()
    (archive,) = work.glob("qemu_*.orig.tar.*")
    run("tar", "--extract", "--strip-components=1", f"--file={archive}", "-C", work / "source")
    return work / "source"


def sources(targets: str) -> str:
    """The sources.list(5) line of our suite on the Debian mirror that apt knows."""
    words = [line.split(maxsplit=2) for line in targets.splitlines()]
    for part, uri, origin in words:
        if part == "main" and origin.startswith("Debian") and "security" not in uri:
            return f"deb-src [signed-by={KEYRING}] {uri} {SUITE} main\n"
    raise LabError(Problem("apt", "knows no Debian mirror", hint="run `apt-get update`"))


def prepare(source: Path) -> None:
    """Mends the fault, names the devices, and does without the firmware that Debian takes out."""
    try:
        (source / SVM).write_text(mended((source / SVM).read_text()))
    except FileNotFoundError as error:
        raise LabError(Problem(SVM, "is not in this QEMU's source")) from error
    (source / "configs/devices/x86_64-softmmu/lab.mak").write_text(DEVICES)
    rules = source / "meson.build"
    rules.write_text(rules.read_text().replace("= bzip2.found()", "= false"))


def mended(text: str) -> str:
    """The source of VMRUN, in which a delivered interrupt is done with."""
    if text.count(DELIVERED) != 1:
        raise LabError(Problem(SVM, "is not as this version of Guesthouse knows it"))
    return text.replace(DELIVERED, f"{DELIVERED} {DONE}")


def compile_program(source: Path, folder: Path, say: Say) -> None:
    """Configures and compiles in ``folder``, telling each quarter of the way."""
    told = 0
    log = cache_folder().parent / "qemu.build.log"
    for _ in follow([source / "configure", *CONFIGURE], log, cwd=folder):
        pass
    for line in follow(["ninja", QEMU], log, cwd=folder):
        step = STEP.match(line)
        quarter = 4 * int(step[1]) // int(step[2]) if step else 0
        if told < quarter < 4:
            told = quarter
            say(f"emulator: {25 * quarter} % compiled")
