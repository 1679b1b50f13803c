"""Jobs of one user, side by side on one runner, have keys of their own: real scripts, in bash."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "pipelines"


def secret_scripts(place: str, mode: str) -> tuple[str, str]:
    """What a job runs for its secrets before its steps, and after them."""
    if place == "github.yml":
        job = yaml.safe_load((FOLDER / place).read_text())["jobs"][mode]
        steps = {step.get("name"): step.get("run") for step in job["steps"]}
        return steps["secrets"], steps["take the secrets away"]
    job = yaml.safe_load((FOLDER / place).read_text())[".guesthouse"]
    before = [line for line in job["before_script"] if line != "make setup"]
    return "\n".join(before), "\n".join(job["after_script"])


def job_script(folder: Path, script: str, variables: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    subprocess.run(["bash", "-euc", script], cwd=folder, env=variables, check=True, timeout=30)


@pytest.mark.parametrize("place", ["github.yml", "gitlab-ci.yml"])
def test_the_end_of_one_job_leaves_the_others_keys(tmp_path: Path, place: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    values = {"SSH_KEY": key.read_text(), "KNOWN_HOSTS": "", "PASSPHRASE": "horse"}
    if place == "gitlab-ci.yml":
        (tmp_path / "passphrase").write_text("horse\n")
        values = {
            "GUESTHOUSE_SSH_KEY": str(key),
            "GUESTHOUSE_PASSPHRASE": str(tmp_path / "passphrase"),
        }
    base = {"PATH": os.environ["PATH"], "HOME": str(home), "REPORT": "report"}
    start, end = secret_scripts(place, "apply")
    first, second = tmp_path / "first", tmp_path / "second"
    started: list[Path] = []
    try:
        for folder in (first, second):
            output = str(tmp_path / f"{folder.name}.env")
            started.append(folder)
            job_script(folder, start, {**base, **values, "GITHUB_ENV": output})
        assert list(home.iterdir()) == []
        kept = {folder: (folder / ".guesthouse/keys").resolve() for folder in (first, second)}
        job_script(first, end, base)
        started.remove(first)
        assert not kept[first].exists()
        assert not (first / ".guesthouse/passphrase").exists()
        assert stat.S_IMODE(kept[second].stat().st_mode) == 0o700
        assert stat.S_IMODE((kept[second] / "ssh_key").stat().st_mode) == 0o600
        assert (kept[second] / "ssh_key").read_text().split() == key.read_text().split()
        # The second job can still log in.
        agent = {**base, "SSH_AUTH_SOCK": str(kept[second] / "agent")}
        listed = subprocess.run(["ssh-add", "-L"], env=agent, capture_output=True, check=True)
        assert listed.stdout.split()[1] == (tmp_path / "key.pub").read_bytes().split()[1]
    finally:
        for folder in started:
            job_script(folder, end, base)
    assert not kept[second].exists()
    # At the end of a job that had not begun there is nothing to take away.
    job_script(tmp_path / "third", end, base)
