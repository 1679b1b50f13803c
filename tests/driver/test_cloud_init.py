"""A changed seed of a guest that exists: refused, run again, its system made anew, taken back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libvirt
import pytest
from test_changes import declared, with_memory

from guesthouse.errors import MachineError, RefusedError
from guesthouse.machine.connections import Connections
from guesthouse.provider import guest_disks, power
from guesthouse.provider.guest import GuestResource
from guesthouse.provider.resource import Call
from guesthouse.provider.seed import seed_iso

CALL = Call("urn", lambda message: None)
POOL = "<pool type='dir'><name>p</name><target><path>/p</path></target></pool>"


@pytest.fixture
def resource() -> Iterator[GuestResource]:
    connections = Connections()
    made = GuestResource(connections)
    made.host(declared()).libvirt.storagePoolDefineXML(POOL, 0).create(0)
    yield made
    pool = made.host(declared()).libvirt.storagePoolLookupByName("p")
    pool.destroy()
    pool.undefine()
    connections.close()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The instance id of each seed that is written: the test driver's volumes hold nothing."""
    ids: list[str] = []

    def note(files: Any, secrets: Any, uuid: str, instance_id: str = "") -> bytes:
        ids.append(instance_id or uuid)
        return seed_iso(files, secrets, uuid, instance_id)

    monkeypatch.setattr(guest_disks, "seed_iso", note)
    return ids


def disk(name: str, backing: str) -> dict[str, Any]:
    return {
        "name": name,
        "pool": "p",
        "volume": f"web.{name}.qcow2",
        "path": f"/p/web.{name}.qcow2",
        "size_bytes": 1024**3,
        "allocation": "thin",
        "backing_path": backing,
        "backing_format": "raw" if backing else "",
    }


def wanted(runcmd: str, on_change: str, allow: tuple[str, ...] = ()) -> dict[str, Any]:
    files = {
        "meta-data": 'instance-id: "@@instance_id@@"\n',
        "user-data": f'#cloud-config\nruncmd:\n  - "{runcmd}"\n',
    }
    seed = {"pool": "p", "volume": "web.seed.iso", "files": files, "on_change": on_change}
    disks = [disk("root", "/p/image"), disk("data", "")]
    return with_memory(64, declared(seed=seed, disks=disks, allow=list(allow)))


def boots(resource: GuestResource, key: str) -> int:
    """The test driver gives a guest a new number at each start."""
    return int(resource.host(declared()).libvirt.lookupByUUIDString(key).ID())


def test_a_rerun_restarts_under_a_new_instance_id(
    resource: GuestResource, written: list[str]
) -> None:
    values = wanted("a", "rerun")
    key, state = resource.create(CALL, values)
    first = boots(resource, key)
    with pytest.raises(RefusedError) as caught:
        resource.update(CALL, key, state, wanted("b", "rerun"))
    assert str(caught.value) == (
        "guest web: cloud_init runcmd changed (restart: runs again at its next boot) "
        "is not allowed\n  hint: permit it: guests.web.allow: [restart]"
    )
    planned = resource.planned(CALL, state, wanted("b", "rerun", ("restart",)))
    made = resource.update(CALL, key, state, wanted("b", "rerun", ("restart",)))
    assert boots(resource, key) != first
    assert written == [key, made["instance_id"]]
    assert made["instance_id"] == planned["instance_id"] != key
    seen = resource.read(key, made)
    assert seen is not None and seen["instance_id"] == made["instance_id"]
    assert resource.diff(seen, wanted("b", "rerun", ("restart",))) == {}
    # What is only kept is written under the same id, and restarts nothing.
    second = boots(resource, key)
    kept = resource.update(CALL, key, made, wanted("c", "keep"))
    assert boots(resource, key) == second
    assert kept["instance_id"] == made["instance_id"] == written[-1]
    assert len(written) == 3
    resource.delete(CALL, key, kept)


def volumes_made(resource: GuestResource, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    real = guest_disks.volumes.make_disk

    def note(handle: libvirt.virConnect, item: Any) -> None:
        made.append(item["name"])
        real(handle, item)

    monkeypatch.setattr(guest_disks.volumes, "make_disk", note)
    return made


@pytest.mark.parametrize("power_", ["running", "stopped"])
def test_a_replacement_makes_only_the_system_disk_anew(
    resource: GuestResource,
    written: list[str],
    monkeypatch: pytest.MonkeyPatch,
    power_: str,
) -> None:
    values = {**wanted("a", "replace"), "power": power_}
    key, state = resource.create(CALL, values)
    made = volumes_made(resource, monkeypatch)
    with pytest.raises(RefusedError, match=r"guests\.web\.allow: \[replace\]"):
        resource.update(CALL, key, state, {**wanted("b", "replace"), "power": power_})
    new = {**wanted("b", "replace", ("replace",)), "power": power_}
    state = resource.update(CALL, key, state, new)
    assert made == ["root"]
    assert written == [key, key]
    assert resource.diff(resource.read(key, state) or {}, new) == {}
    resource.delete(CALL, key, state)


def test_the_old_seed_comes_back_when_the_guest_does_not_start(
    resource: GuestResource, written: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, state = resource.create(CALL, wanted("a", "rerun"))
    real, failures = power.bring, ["no sign of life"]

    def bring(*arguments: Any) -> Any:
        evidence, reason = real(*arguments)
        return evidence, failures.pop() if failures else reason

    monkeypatch.setattr(power, "bring", bring)
    with pytest.raises(MachineError, match="did not start with its new definition"):
        resource.update(CALL, key, state, wanted("b", "rerun", ("restart",)))
    assert len(written) == 3
    assert written[0] == written[2] == key != written[1]
    resource.delete(CALL, key, state)


def test_a_seed_that_was_removed_is_put_back_as_it_was(
    resource: GuestResource, written: list[str]
) -> None:
    values = wanted("a", "rerun")
    key, state = resource.create(CALL, values)
    host = resource.host(values)
    guest_disks.volumes.remove(host.libvirt, [("p", "web.seed.iso")])
    seen = resource.read(key, state)
    assert seen is not None and resource.diff(seen, values) == {"seed": "update"}
    made = resource.update(CALL, key, seen, values)
    assert written == [key, key]
    assert resource.diff(resource.read(key, made) or {}, values) == {}
    resource.delete(CALL, key, made)
