"""`up` ends when one can log in to the guests; the first test, it has to ask at once."""

from __future__ import annotations

from lab_project import LabProject

from guesthouse.lab.host import CONTAINER

KIND = CONTAINER

SET_UP = 'python3 -c \'import json; s = json.load(open("/run/cloud-init/status.json"))["v1"];'
SET_UP += ' print(s["modules-config"]["finished"] is not None)\''


def test_guests_let_in_as_soon_as_up_has_ended(deployed: LabProject) -> None:
    """Their sshd listens, and cloud-init has restarted it for the last time."""
    for guest in ("web", "db", "far"):
        assert deployed.guest(guest, SET_UP) == "True\n"
