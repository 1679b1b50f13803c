"""``python tests/faults/lab.py``: kill -9 of engine, provider and libvirtd on the lab that is up.

A guest of the lab is changed live (words, a disk's limit, a disk more, a disk less); after a time
the victim dies; then one `guesthouse up` must converge, with the guest's boot id as before, nothing
left in the pool and a refreshed preview without changes. Results go to .guesthouse/faults-lab.json,
and with those of `python tests/faults` to docs/results/faults.md.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "tests" / "lab")]

from lab_project import LabProject  # noqa: E402

from faults import table  # noqa: E402
from guesthouse.cli.engine import environment  # noqa: E402
from guesthouse.cli.project import Project  # noqa: E402

SITE = CHECKOUT / "stacks" / "lab.site.yaml"
MORE = """\
    description: "{word}"
    disks:
      root: {{pool: guests, image: small, size_gib: 1, max_iops: {iops}}}
      more: {{pool: guests, size_gib: 1}}
"""
DISKS = """\
    disks:
      root: {pool: guests, image: small, size_gib: 1}
"""
VICTIMS = ("provider", "engine", "libvirtd")
# Seconds after the start of `pulumi up --skip-preview`: the program takes the first two or three.
DELAYS_S = (2.5, 3.5, 4.5)


def main() -> int:
    lab, text = LabProject(CHECKOUT), SITE.read_text()
    plain = text.replace("  db:\n", "  db:\n    allow: [destroys_data]\n")
    done: dict[str, str] = {}
    kept = CHECKOUT / ".guesthouse" / "faults-lab.json"
    try:
        for number, delay_s in enumerate(DELAYS_S):
            for victim in VICTIMS:
                for kind, site in (("more", _more(plain, number)), ("less", plain)):
                    SITE.write_text(site)
                    name = f"{kind} {victim} after {delay_s} s"
                    done[name] = _die(lab, victim, delay_s)
                    kept.write_text(json.dumps(done, indent=2))
                    print(f"{done[name][:300]:10} {name}", flush=True)
    finally:
        SITE.write_text(text)
    table.write(CHECKOUT)
    good = sum(verdict == "converged" for verdict in done.values())
    print(f"lab: {len(done)} points, {good} converged")
    return 0 if good == len(done) else 1


def _more(text: str, number: int) -> str:
    """The site with the guest db changed."""
    head, _, tail = text.partition("  db:\n")
    more = MORE.format(word=f"word {number}", iops=200 + number)
    return head + "  db:\n" + tail.replace(DISKS, more, 1)


def _die(lab: LabProject, victim: str, delay_s: float) -> str:
    boot = lab.boot_id("db")
    project = Project(CHECKOUT)
    engine = subprocess.Popen(
        ["pulumi", "up", "-s", "lab", "--yes", "--skip-preview", "--non-interactive"],
        cwd=CHECKOUT,
        env=environment(project, os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(delay_s)
    if victim == "libvirtd":
        lab.host("systemctl kill --signal KILL libvirtd")
    else:
        provider = ["pkill", "-KILL", "-s", str(engine.pid), "-f", "pulumi-resource-guesthouse"]
        if victim == "provider":
            subprocess.run(provider, check=False)
        else:
            engine.send_signal(signal.SIGKILL)
    try:
        engine.wait(timeout=180)
    except subprocess.TimeoutExpired:
        engine.send_signal(signal.SIGKILL)
        return "the engine hangs"
    result = lab.run("up", "lab", "--yes", "--refresh")
    if result.returncode:
        return f"needs hands: {(result.stdout + result.stderr)[-600:]}"
    preview = lab.run("preview", "lab", "--refresh", "--expect-no-changes")
    if preview.returncode:
        return f"a preview has changes: {preview.stdout[-600:]}"
    wanted = 1 if "max_iops: 20" in SITE.read_text() else 0
    files = lab.host("ls /srv/guests").split()
    if len([file for file in files if file == "db.more.qcow2"]) != wanted:
        return f"leaks: {files}"
    return "converged" if boot == lab.boot_id("db") else "the guest was restarted"


if __name__ == "__main__":
    raise SystemExit(main())
