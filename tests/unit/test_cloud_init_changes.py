"""A changed seed: which part reaches a guest that has booted, how, and under which instance id."""

from __future__ import annotations

from typing import Any

import pytest

import cases
from guesthouse.components.inputs import guest_inputs
from guesthouse.model import CloudInit
from guesthouse.provider import cloud_init
from guesthouse.render import guest_document

KEPT = "(none: ran at first boot, this guest keeps what it has)"
LATER = "(none: takes effect at its next boot)"
AGAIN = "(restart: runs again at its next boot)"
ANEW = "(replace: its system disk is made anew)"
PLAN = cases.site_plan("reference").guests["web"]


def inputs(value: str = "one", **fields: Any) -> dict[str, Any]:
    """The inputs of a guest with this cloud-init; without fields it has none."""
    first = CloudInit.model_validate(fields) if fields else None
    plan = PLAN.__class__(**{**vars(PLAN), "cloud_init": first})
    made = guest_inputs(cases.site_plan("reference").hosts[plan.host], plan, guest_document(plan))
    return {**made, "secrets": {"web_password": value}}


def state(values: dict[str, Any], running: bool = True, **more: Any) -> dict[str, Any]:
    declared = {"seed": values["seed"]}
    room = {"vcpus_max": 1} if running else {}
    return {**values, "declared": declared, "room": room, "instance_id": values["uuid"], **more}


def told(old: dict[str, Any], new: dict[str, Any], running: bool = True) -> list[str]:
    return [str(change) for change in cloud_init.changes(state(old, running), new)]


def instance(seen: dict[str, Any], new: dict[str, Any]) -> str:
    _, settled = cloud_init.settled(seen, new, list(cloud_init.changes(seen, new)))
    return str(settled["instance_id"])


OLD: dict[str, Any] = {
    "packages": ["nginx"],
    "runcmd": ["a"],
    "user_data": {"bootcmd": ["x"], "timezone": "UTC"},
}
NEW: dict[str, Any] = {
    "packages": ["nginx", "git"],
    "runcmd": ["a"],
    "users": {"admin": {}},
    "user_data": {"bootcmd": ["y"], "ntp": {"enabled": True}},
}


@pytest.mark.parametrize(
    ("on_change", "once"), [("keep", KEPT), ("rerun", AGAIN), ("replace", ANEW)]
)
def test_every_part_is_told_with_what_it_does(on_change: str, once: str) -> None:
    old, new = (inputs(**fields, on_change=on_change) for fields in (OLD, NEW))
    assert told(old, new) == [
        f"cloud_init users changed {once}",
        f"cloud_init packages changed {once}",
        f"cloud_init bootcmd changed {LATER}",
        f"cloud_init ntp changed {once}",
        f"cloud_init timezone changed {once}",
    ]
    assert told(old, old) == []


def test_first_packages_are_one_change() -> None:
    old, new = inputs(runcmd=["a"]), inputs(runcmd=["a"], packages=["nginx"])
    assert told(old, new) == [f"cloud_init packages changed {KEPT}"]


def test_what_comes_after_a_part_does_not_change_it() -> None:
    old, new = inputs(runcmd=["a"]), inputs(runcmd=["a"], user_data={"timezone": "UTC"})
    assert told(old, new) == [f"cloud_init timezone changed {KEPT}"]
    assert told(new, old) == [f"cloud_init timezone changed {KEPT}"]


@pytest.mark.parametrize("on_change", ["keep", "rerun", "replace"])
def test_the_network_config_and_what_runs_at_each_boot_hurt_nobody(on_change: str) -> None:
    old = inputs(**OLD, on_change=on_change)
    files = {**old["seed"]["files"], "network-config": "version: 2\nethernets: {}\n"}
    new = {**old, "seed": {**old["seed"], "files": files}}
    assert told(old, new) == [f"cloud_init network-config changed {LATER}"]
    assert instance(state(old), new) == old["uuid"]


@pytest.mark.parametrize(
    ("on_change", "once"), [("keep", KEPT), ("rerun", AGAIN), ("replace", ANEW)]
)
def test_a_secret_alone_is_told_in_its_own_words(on_change: str, once: str) -> None:
    old, new = (inputs(value, **OLD, on_change=on_change) for value in ("one", "two"))
    assert told(old, new) == [f"cloud_init secrets changed {once}"]
    assert (instance(state(old), new) != old["uuid"]) == (on_change == "rerun")


def test_another_policy_alone_runs_nothing() -> None:
    old, new = inputs(**OLD), inputs(**OLD, on_change="rerun")
    assert told(old, new) == [
        "cloud_init on_change keep -> rerun (none: for what changes from now on)"
    ]
    assert instance(state(old), new) == old["uuid"]


def test_the_new_policy_holds_for_what_changes_with_it() -> None:
    assert told(inputs(**OLD), inputs(**{**OLD, "runcmd": ["b"]}, on_change="rerun")) == [
        "cloud_init on_change keep -> rerun (none: for what changes from now on)",
        f"cloud_init runcmd changed {AGAIN}",
    ]


def test_a_guest_that_is_off_needs_no_restart_to_run_it_again() -> None:
    old, new = inputs(**OLD, on_change="rerun"), inputs(**{**OLD, "runcmd": []}, on_change="rerun")
    assert told(old, new, running=False) == [
        "cloud_init runcmd changed (none: runs again at its next boot)"
    ]
    assert instance(state(old, running=False), new) != old["uuid"]


def test_an_instance_id_never_comes_back_and_follows_from_the_last_one() -> None:
    one, two = inputs(**OLD, on_change="rerun"), inputs(**NEW, on_change="rerun")
    ids = [str(one["uuid"])]
    for old, new in ((one, two), (two, one), (one, two), (two, one)):
        seen = state(old, instance_id=ids[-1])
        ids.append(instance(seen, new))
        # A run that was cut off and begun again comes to the same.
        assert instance(seen, new) == ids[-1]
    assert len(set(ids)) == len(ids)
    assert all(item.startswith(ids[0]) for item in ids)
    kept = state(one, instance_id=ids[-1])
    assert instance(kept, inputs(**NEW)) == ids[-1]


def test_a_new_system_disk_is_a_first_instance() -> None:
    old, new = (inputs(**fields, on_change="replace") for fields in (OLD, NEW))
    seen = state(old, instance_id=f"{old['uuid']}-0123456789ab")
    found = list(cloud_init.changes(seen, new))
    anew, settled = cloud_init.settled(seen, new, found)
    assert [disk["name"] for disk in anew] == [
        disk["name"] for disk in old["disks"] if disk["backing_path"]
    ]
    assert 0 < len(anew) < len(old["disks"])
    assert settled["instance_id"] == old["uuid"]
    # Another image does it too.
    disks = [{**old["disks"][0], "backing_path": "/other"}, *old["disks"][1:]]
    anew, settled = cloud_init.settled(seen, {**old, "disks": disks}, [])
    assert [disk["name"] for disk in anew] == [old["disks"][0]["name"]]
    assert settled["instance_id"] == old["uuid"]


def test_a_removed_seed_is_put_back_and_runs_nothing() -> None:
    old = inputs(**OLD, on_change="rerun")
    seen = state(old, seed={})
    assert [str(c) for c in cloud_init.changes(seen, old)] == [
        "cloud_init seed added (none: it is missing on the host)"
    ]
    assert instance(seen, old) == old["uuid"]


def test_a_seed_that_comes_or_goes() -> None:
    some, none = inputs(**OLD), inputs()
    assert told(none, some) == ["cloud_init added (none: runs at its next boot)"]
    assert told(some, none) == [f"cloud_init removed {KEPT}"]
    assert told(none, none) == []


def test_a_state_from_before_policies_is_read() -> None:
    new = inputs(**OLD)
    old = {**new, "seed": {k: v for k, v in new["seed"].items() if k != "on_change"}}
    seen = {k: v for k, v in state(old).items() if k != "instance_id"}
    assert list(cloud_init.changes(seen, new)) == []
    assert instance(seen, new) == new["uuid"]
