"""The real engine drives the real provider on libvirt's test driver."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

from project import EngineProject

from scratch import CHECKOUT


def test_up_then_no_changes_then_destroy(project: EngineProject) -> None:
    project.pulumi("up", "--yes", "--skip-preview")
    project.pulumi("preview", "--expect-no-changes")
    guests = json.loads(project.pulumi("stack", "output", "--json"))["guests"]
    assert {name: guest["host"] for name, guest in guests.items()} == {"g0": "t1", "g1": "t1"}
    out = project.pulumi("destroy", "--yes", "--skip-preview")
    assert "6 deleted" in " ".join(out.split())


def test_the_secret_is_nowhere_but_encrypted(project: EngineProject) -> None:
    out = project.pulumi("up", "--yes", "--diff")
    places = [project.root / ".guesthouse/state", project.root / "stacks"]
    found = [
        path
        for place in places
        for path in place.rglob("*")
        if path.is_file() and b"correct-horse-battery" in path.read_bytes()
    ]
    assert found == []
    assert "correct-horse-battery" not in out


def test_an_edit_that_needs_a_restart_is_refused_in_the_preview_and_nothing_changes(
    project: EngineProject,
) -> None:
    project.pulumi("up", "--yes", "--skip-preview")
    project.write(memory_mib=256)
    result = project.run("preview")
    text = result.stdout + result.stderr
    assert result.returncode != 0
    for guest in ("g0", "g1"):
        assert (
            f"guest {guest}: memory 128 -> 256 MiB (restart: it was started with at most 128 MiB) "
            f"is not allowed\n      hint: permit it: guests.{guest}.allow: [restart]" in text
        )
    assert "Traceback" not in text and ".py" not in text
    project.write()
    project.pulumi("preview", "--expect-no-changes")


def test_a_permitted_restart_is_told_to_machines_too(project: EngineProject) -> None:
    project.pulumi("up", "--yes", "--skip-preview")
    project.write(memory_mib=256, allow="[restart]")
    told = json.loads(project.pulumi("preview", "--json"))
    said = {item["message"].strip() for item in told["diagnostics"] if item["severity"] == "info"}
    line = "memory 128 -> 256 MiB (restart: it was started with at most 128 MiB)"
    assert said == {
        f"g0: {line}",
        f"g1: {line}",
        "guests that change: 2 restart (g0, g1)",
    }


def test_a_preview_says_what_a_change_of_description_costs(project: EngineProject) -> None:
    project.pulumi("up", "--yes", "--skip-preview")
    project.write(description="better")
    result = project.run("preview", "--diff")
    out = result.stdout + result.stderr
    assert "g0: description plain -> better (live)" in out
    assert "<description>better</description>" in out


def test_a_preview_says_what_becomes_of_each_part_of_a_changed_seed(
    project: EngineProject,
) -> None:
    project.pulumi("up", "--yes", "--skip-preview")
    site = project.root / "stacks/test.site.yaml"
    text = site.read_text()
    more = "on_change: rerun, packages: [git], user_data: {bootcmd: [a]}, users"
    site.write_text(text.replace("{users", f"{{{more}", 1))
    result = project.run("preview")
    assert result.returncode != 0
    assert (
        "g0: cloud_init on_change keep -> rerun (none: for what changes from now on), "
        "cloud_init packages changed (restart: runs again at its next boot), "
        "cloud_init bootcmd changed (none: takes effect at its next boot)"
    ) in result.stdout
    assert "permit it: guests.g0.allow: [restart]" in result.stdout
    site.write_text(text.replace("{users", "{user_data: {bootcmd: 5}, users", 1))
    result = project.run("preview")
    assert result.returncode != 0
    assert "cloud_init.user_data.bootcmd: not a list, got 5" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_a_broken_site_file_is_a_message_and_no_traceback(project: EngineProject) -> None:
    file = project.root / "stacks/test.site.yaml"
    file.write_text(file.read_text().replace("network: lan", "network: lna"))
    result = project.run("preview")
    text = result.stdout + result.stderr
    assert result.returncode != 0
    assert "stacks/test.site.yaml:17:" in text
    assert "guests.g0.nics.lan0.network: unknown network, got 'lna', allowed 'lan'" in text
    assert "Traceback" not in text


def test_an_image_with_another_digest_is_refused_in_the_preview(project: EngineProject) -> None:
    project.image.write_bytes(b"something else")
    result = project.run("preview")
    text = result.stdout + result.stderr
    assert result.returncode != 0
    assert "image small.raw: its digest is not the declared one" in text


def test_the_example_program_previews(tmp_path: Path) -> None:
    program = (CHECKOUT / "examples/site_in_python.py").read_text()
    project = EngineProject(tmp_path / "project", program)
    image = project.root / "small.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(image), "1G"], check=True)
    project.pulumi("config", "set", "image", str(image))
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    project.pulumi("config", "set", "image_sha256", digest)
    out = " ".join(project.pulumi("preview").split())
    for name in ("node1", "node2", "node3"):
        assert f"guesthouse:index:Guest {name} create" in out
