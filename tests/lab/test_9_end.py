"""Destroy leaves nothing of ours but images; up works again; lab down leaves nothing at all."""

from __future__ import annotations

from end_case import destroy_leaves_nothing_but_images, down_leaves_nothing
from lab_project import LabProject

from guesthouse.lab.host import CONTAINER

KIND = CONTAINER


def test_destroy_leaves_nothing_but_images_and_up_works_again(deployed: LabProject) -> None:
    destroy_leaves_nothing_but_images(deployed, ("h1", "h2"))
    deployed.guesthouse("up", "lab", "--yes")
    # Waits for sshd and cloud-init, as `up` alone does not: the agent answers earlier.
    deployed.guesthouse("verify", "lab")
    assert deployed.guesthouse("ssh", "web", "--", "hostname") == "web\n"


def test_lab_down_leaves_nothing(deployed: LabProject) -> None:
    down_leaves_nothing(deployed, "nsenter")
