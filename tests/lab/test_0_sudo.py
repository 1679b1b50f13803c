"""Container hosts for a user who is not root and may use sudo: up, slowed, cut, back, gone.

The user is known in mounts of the test's own, with a cache of its own. The machine does not change.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from containers_case import left, site
from lab_project import COMMAND

from guesthouse.lab import images
from guesthouse.lab.host import CONTAINER
from scratch import clean_environment, scratch_project

KIND = CONTAINER
LAB = "eight"

USER = 23456
ENTRIES = {
    "passwd": f"tester:x:{USER}:{USER}::/nonexistent:/bin/sh\n",
    "group": f"tester:x:{USER}:\n",
    "shadow": "tester:*:19000:0:99999:7:::\n",
}
MAY = "tester ALL=(ALL) NOPASSWD: ALL\n"
# It may read what is root's (the environment, perhaps in root's home), and nothing more.
BECOME = f"""
for file in passwd group shadow; do mount --bind "$0/$file" "/etc/$file"; done
mount --bind "$0/sudoers" /etc/sudoers
exec setpriv --reuid={USER} --regid={USER} --clear-groups \
    --inh-caps=-all,+dac_read_search --ambient-caps=+dac_read_search -- "$@"
"""


class User:
    """Somebody who is not root, with a project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = scratch_project(folder / "project")
        cached = images.image(images.HOST, print).folder
        cache = folder / "cache/guesthouse/images"
        shutil.copytree(cached, cache / cached.name)
        # Only a host, whose image is all that is wanted.
        host = {key: yaml.safe_load(site(["c1"]))[key] for key in ("site", "hosts", "lab")}
        (self.root / "stacks/lab.site.yaml").write_text(yaml.safe_dump(host))
        for name, text in ENTRIES.items():
            shutil.copy2(f"/etc/{name}", folder / name)
            with (folder / name).open("a") as file:
                file.write(text)
        for path in (self.root, cache.parents[1]):
            subprocess.run(["chown", "-hR", f"{USER}:{USER}", path], check=True)
            path.chmod(0o700)
        self.allow(MAY)

    def allow(self, rule: str) -> None:
        """What sudo grants from now on."""
        file = self.folder / "sudoers"
        file.unlink(missing_ok=True)
        file.write_text(rule)
        file.chmod(0o440)

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """``guesthouse ARGV...`` as the user."""
        become = ["unshare", "-m", "sh", "-euc", BECOME, str(self.folder)]
        environment = clean_environment() | {"XDG_CACHE_HOME": str(self.folder / "cache")}
        return subprocess.run(
            [*become, str(COMMAND), "-C", str(self.root), *argv],
            env=environment | {"HOME": str(self.root)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )

    def good(self, *argv: str) -> str:
        """Its output; its failure is the test's."""
        done = self.run(*argv)
        assert done.returncode == 0, f"{argv}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    assert os.geteuid() == 0
    # pytest's own folders are its user's alone.
    with TemporaryDirectory(prefix="guesthouse-sudo-") as folder:
        Path(folder).chmod(0o711)
        made = User(Path(folder))
        before = left(made.root)
        try:
            yield made
        finally:
            made.allow(MAY)
            made.run("lab", "down")
        assert left(made.root) == before
        assert not (made.root / ".guesthouse/lab").exists()


def test_the_life_of_a_lab(user: User) -> None:
    assert "host c1: starting (container)" in user.good("lab", "up")
    assert user.good("lab", "ssh", "c1", "--", "id", "-un") == "root\n"
    assert "slow: 30 ms" in user.good("lab", "link", "c1", "up", "--delay-ms", "30")
    user.good("lab", "power", "c1", "off")
    assert "starting again from its disk" in user.good("lab", "power", "c1", "on")
    user.good("lab", "link", "c1", "down")
    owners = {path.stat().st_uid for path in (user.root / ".guesthouse/lab").iterdir()}
    assert owners == {USER}


def test_where_sudo_asks_the_lab_stays_and_says_so(user: User) -> None:
    user.allow("")
    for command, said in {
        "up": "hint: mend that, and run it again: the lab's containers are as they were",
        "down": "hint: let sudo ask for it first: sudo -v",
    }.items():
        done = user.run("lab", command)
        assert done.returncode == 6
        assert said in done.stderr
    user.allow(MAY)
    assert user.good("lab", "ssh", "c1", "--", "id", "-un") == "root\n"


def test_who_cannot_build_images_is_told_before_anything(user: User) -> None:
    """The site wants an image that this user's cache has not, and no ids are theirs."""
    file = user.root / "stacks/lab.site.yaml"
    before = file.read_text()
    file.write_text(site(["c1"]))
    done = user.run("lab", "up")
    file.write_text(before)
    assert done.returncode == 6
    assert "user tester: has no range of subordinate ids" in done.stderr
    assert "hint: sudo usermod --add-subuids 100000-165535" in done.stderr
