"""When a new guest lets people in, by what its agent reads of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from guesthouse.provider.waiting import (
    SCAN_EVERY,
    Evidence,
    is_listening,
    is_scan_due,
    is_setting_up,
)

TCP = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"
RESOLVER = "   0: 3600007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000\n"
SSH = "   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000\n"
# Somebody's session, here and elsewhere: neither is a listener.
SESSION = "   2: 0B005A0A:0016 01005A0A:B9A6 01 00000000:00000000 02:000AFC00 00000000\n"
OUTWARD = "   3: 0B005A0A:B9A6 01005A0A:0016 0A 00000000:00000000 02:000AFC00 00000000\n"
SSH_6 = "   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0\n"


def status(**stages: Any) -> str:
    """cloud-init's status.json, with the time at which each stage ended."""
    times = {name.replace("_", "-"): {"finished": end} for name, end in stages.items()}
    return json.dumps({"v1": {"stage": None, **times}})


@pytest.mark.parametrize(
    ("text", "setting_up"),
    [
        (status(init=92.3, modules_config=None), True),
        (status(init=92.3, modules_config=134.9, modules_final=None), False),
        (None, False),
        ("", False),
        ("{", False),
        ("[]", False),
        ('{"v1": null}', False),
        (status(init=92.3), False),
    ],
)
def test_cloud_init_sets_a_guest_up_until_its_config_stage_ends(
    text: str | None, setting_up: bool
) -> None:
    assert is_setting_up(text) is setting_up


@pytest.mark.parametrize(
    ("tables", "listening"),
    [
        ([TCP + RESOLVER + SSH, TCP], True),
        ([TCP + RESOLVER, TCP + SSH_6], True),
        ([None, TCP + SSH_6], True),
        ([TCP + RESOLVER + SESSION + OUTWARD, TCP], False),
        ([TCP, None], False),
        # Nothing is to be read of it, by its system or by what its agent permits.
        ([None, None], True),
        ([TCP + "odd\n"], False),
    ],
)
def test_sshd_listens_when_the_kernel_says_so(tables: list[str | None], listening: bool) -> None:
    assert is_listening(tables) is listening


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (Evidence(), "ssh silent"),
        (Evidence(not_yet="waits for cloud-init"), "ssh waits for cloud-init"),
        (Evidence(ssh_host_keys=["ssh-ed25519 AAAA"]), "ssh answers"),
    ],
)
def test_what_was_seen_last_is_told(evidence: Evidence, said: str) -> None:
    assert str(evidence).endswith(said)


@pytest.mark.parametrize(
    ("evidence", "every_turn", "now_and_then"),
    [
        (Evidence(), False, True),
        (Evidence(addresses={"lan0": ["10.9.0.9"]}), True, True),
        # Its agent tells no keys: it may not read files.
        (Evidence(agent=True), True, True),
        (Evidence(agent=True, not_yet="does not listen yet"), False, False),
        # Its agent has fallen silent, for a moment or for good.
        (Evidence(addresses={"lan0": ["10.9.0.9"]}, not_yet="waits for cloud-init"), False, True),
        (Evidence(ssh_host_keys=["ssh-ed25519 AAAA"]), False, False),
    ],
)
def test_sshd_is_asked_where_the_agent_does_not_tell(
    evidence: Evidence, every_turn: bool, now_and_then: bool
) -> None:
    assert is_scan_due(SCAN_EVERY + 1, evidence) is every_turn
    assert is_scan_due(SCAN_EVERY, evidence) is now_and_then
