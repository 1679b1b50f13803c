"""Hosts that answer with recorded text: a fake `ssh` on PATH, and a site of theirs."""

from __future__ import annotations

import os
from pathlib import Path

from cli_site import KEY, SITE, write_project

RECORDED = (Path(__file__).parent / "recorded_facts" / "counters.txt").read_text()
# =NOW becomes a counter of nanoseconds that grows by half a second each second. A host that is not
# there refuses, one with a .hang is mute.
SSH = """\
#!/bin/sh
cd "$(dirname "$0")" || exit
echo "$4" >>calls
if [ -e "$4.hang" ]; then exec sleep 60; fi
if [ -e "$4" ]; then exec sed "s/=NOW$/=$(($(date +%s%N) / 2))/" "$4"; fi
echo "ssh: connect to host 192.0.2.1 port 22: Connection refused" >&2
exit 255
"""


class FakeHosts:
    """A project folder with the stack `one` of the hosts h1, h2, h3, and what they answer."""

    def __init__(self, folder: Path) -> None:
        self.root, self.ssh = folder / "project", folder / "bin"
        self.root.mkdir(parents=True)
        self.ssh.mkdir()
        (self.ssh / "ssh").write_text(SSH)
        (self.ssh / "ssh").chmod(0o755)
        write_project(self.root)
        host = '{address: 192.0.2.%d, memory_mib: 2048, host_keys: ["%s"]}'
        lines = "\n".join(f"  h{n}: {host % (n, KEY)}" for n in (1, 2, 3))
        old = '  h1: {libvirt_uri: "test:///default", memory_mib: 2048}'
        assert old in SITE
        (self.root / "stacks/one.site.yaml").write_text(SITE.replace(old, lines))

    @property
    def path(self) -> str:
        """PATH with the fake `ssh` first."""
        return f"{self.ssh}:{os.environ['PATH']}"

    def answers(self, host: str, text: str) -> None:
        """From now on the host says this."""
        (self.ssh / host).write_text(text)

    def hangs(self, host: str) -> None:
        """From now on the host takes connections and says nothing."""
        (self.ssh / f"{host}.hang").touch()

    def calls(self) -> list[str]:
        """The hosts that were asked, in no order of meaning."""
        return sorted((self.ssh / "calls").read_text().split())
