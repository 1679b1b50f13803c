"""A NIC that was plugged in gets its name and address, whatever the guest's own udev does to its
name meanwhile: the script runs in a network namespace with real devices."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from guesthouse.provider import guest_nics

MAC = "52:54:00:00:00:11"
# An `ip` that lets udev come first, once: NIC by its MAC is called ens9 when we are to rename it.
HASTY = """\
#!/bin/sh
real={real}
if [ "$3" = dev ] && [ ! -e {folder}/done ] && [ {when} ]; then
  touch {folder}/done
  $real link set dev "$4" down
  $real link set dev "$4" name ens9
fi
exec $real "$@"
"""
SCRIPT = """\
set -e
mount -t sysfs sysfs /sys
{real} link add eth0 type veth peer name far
{real} link set eth0 address {mac} up
{made}
/bin/sh -c "$1" sh {mac} nat1 10.9.8.7/24 "" "" ""
{real} -4 -o address show dev nat1
"""
REAL = subprocess.run(["sh", "-c", "command -v ip"], capture_output=True, text=True).stdout.strip()


def configured(folder: Path, when: str, made: str = "") -> subprocess.CompletedProcess[str]:
    """The script in a namespace: ``ip`` is late by the test ``when``; ``made`` is done before."""
    for name, text in {
        "ip": HASTY.format(real=REAL, folder=folder, when=when),
        # Neither is asked of this machine's own.
        "udevadm": "#!/bin/sh\n",
        "systemctl": "#!/bin/sh\nexit 1\n",
        "sleep": "#!/bin/sh\n",
    }.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return subprocess.run(
        [
            *("unshare", *([] if os.getuid() == 0 else ["-r"]), "-n", "-m"),
            *("sh", "-c", SCRIPT.format(real=REAL, mac=MAC, made=made), "sh"),
            guest_nics.CONFIGURE,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": f"{folder}:{os.environ['PATH']}"},
    )


@pytest.mark.parametrize(
    "when",
    [
        pytest.param("no = yes", id="left alone"),
        pytest.param('"$5" = down', id="renamed before it is set down"),
        pytest.param('"$5" = name', id="renamed before it is named"),
    ],
)
def test_it_gets_its_name_and_address(tmp_path: Path, when: str) -> None:
    done = configured(tmp_path, when)
    assert done.returncode == 0, done.stderr
    assert "10.9.8.7/24" in done.stdout
    assert (tmp_path / "done").exists() == (when != "no = yes")


def test_a_name_that_another_has_is_told(tmp_path: Path) -> None:
    done = configured(tmp_path, "no = yes", f"{REAL} link add nat1 type veth")
    assert done.returncode == 1
    assert done.stdout == "its NIC eth0 does not take this name\n"


def test_a_nic_that_does_not_come_is_told(tmp_path: Path) -> None:
    done = configured(tmp_path, "no = yes", f"{REAL} link delete eth0")
    assert done.returncode == 1
    assert done.stdout == f"no NIC with {MAC}\n"
