"""What judging does besides comparing: what cannot be answered, left-out hosts, deep runs."""

from __future__ import annotations

from checks_case import GONE, SITE, as_declared, changed, site_plan

from guesthouse.checks import Finding, green, report
from guesthouse.checks.check import SiteFacts, judge
from guesthouse.checks.compile import checks
from guesthouse.checks.gather import left_out
from guesthouse.facts.together import NotAnswered
from guesthouse.placement import Plan

PLAN = site_plan()
DOMAIN = ("hosts", "h1", "hypervisor", "domains", "web")


def findings(facts: SiteFacts, plan: Plan = PLAN, deep: bool = False) -> list[Finding]:
    return judge(checks(plan, deep), facts)


def test_ids_and_names_are_unique_and_needs_come_before() -> None:
    found = checks(PLAN)
    ids = [check.id for check in found]
    assert len(set(ids)) == len(ids)
    assert len({(check.machine, check.path, check.what) for check in found}) == len(found)
    for check in found:
        assert all(ids.index(id_) < ids.index(check.id) for id_ in check.needs)


def test_a_guest_that_does_not_run_leaves_its_inside_unchecked() -> None:
    found = findings(changed(as_declared(PLAN), (*DOMAIN, "state"), "shut off"))
    inside = [finding for finding in found if finding.machine == "web"]
    assert {finding.status for finding in inside} == {"not checked"}
    assert {finding.seen for finding in inside} == {"failed: h1: guests.web running"}
    assert not green(found)


def test_an_unreachable_host_fails_once_and_leaves_the_rest_unchecked() -> None:
    found = findings(changed(as_declared(PLAN), ("hosts", "h1"), "ssh failed: no route"))
    assert [(f.id, f.seen) for f in found if f.status == "failed"] == [
        ("h1: hosts.h1.address", "ssh failed: no route")
    ]
    assert {f.seen for f in found if f.status == "not checked"} == {"failed: h1: hosts.h1.address"}


def test_what_a_machine_could_not_answer_is_unchecked_with_its_words() -> None:
    facts = changed(as_declared(PLAN), ("guests", "web", "nics"), NotAnswered("ip: not found"))
    found = {finding.id: finding for finding in findings(facts)}
    address = found["web: guests.web.nics.lan0.address"]
    assert (address.status, address.seen) == ("not checked", "ip: not found")
    assert not green(found.values())


def test_a_change_to_what_runs_only_is_told_as_such() -> None:
    found = findings(changed(as_declared(PLAN), (*DOMAIN, "live", "vcpus"), 4))
    (failed,) = (finding for finding in found if finding.status == "failed")
    assert (failed.seen, failed.wanted) == ("4 now, 2 at next start", "2")
    inside = next(finding for finding in found if finding.id == "web: guests.web.vcpus inside")
    assert inside.status == "not checked"


def test_a_file_is_told_by_its_first_other_line() -> None:
    path = ("hosts", "h1", "files", "/etc/motd", "content")
    found = findings(changed(as_declared(PLAN), path, "one\n2\n"))
    (failed,) = (finding for finding in found if finding.status == "failed")
    assert (failed.seen, failed.wanted) == ("line 2: '2\\n'", "line 2: 'two\\n'")
    found = findings(changed(as_declared(PLAN), path, "one\n"))
    (failed,) = (finding for finding in found if finding.status == "failed")
    assert (failed.seen, failed.wanted) == ("the end of file", "line 2: 'two\\n'")


def test_a_host_in_maintenance_is_not_checked_and_does_not_make_the_run_red() -> None:
    host = {**SITE["hosts"]["h1"], "maintenance": True}
    plan = site_plan(hosts={"h1": host})
    found = findings(SiteFacts({}, {}, {}, left_out(plan)), plan)
    assert {(f.severity, f.status, f.seen) for f in found} == {
        ("info", "not checked", "host h1 is in maintenance")
    }
    assert green(found)


def test_without_root_other_users_stay_unchecked_and_do_not_make_the_run_red() -> None:
    users = {"admin": {"ssh_keys": ["ssh-ed25519 AAAA"]}, "other": {}}
    guest = {**SITE["guests"]["db"], "cloud_init": {"users": users}}
    plan = site_plan(guests={"db": guest})
    facts = as_declared(plan)
    for name in ("keys", "sudo", "password"):
        facts = changed(facts, ("guests", "db", "users", "other", name), None)
    found = findings(facts, plan)
    unchecked = [f for f in found if f.status == "not checked"]
    assert [f.id for f in unchecked] == [
        f"db: guests.db.cloud_init.users.other.{name}" for name in ("ssh_keys", "sudo", "password")
    ]
    assert {f.severity for f in unchecked} == {"info"}
    assert green(found)


def test_a_deep_run_compares_digests() -> None:
    facts = as_declared(PLAN)
    assert green(findings(facts, deep=True))
    image = PLAN.images[0]
    for to, seen in (("6" * 64, "6" * 64), (GONE, f"no file {image.path}")):
        found = findings(changed(facts, ("hosts", "h1", "digests", image.path), to), deep=True)
        (failed,) = (finding for finding in found if finding.status == "failed")
        assert (failed.path, failed.seen) == ("images.debian.sha256", seen)
        assert failed.wanted == image.sha256


def test_a_guest_without_a_login_is_checked_from_outside_only() -> None:
    guest = {**SITE["guests"]["db"]}
    guest.pop("cloud_init")
    plan = site_plan(guests={"db": guest})
    assert {check.machine for check in checks(plan)} == {"h1"}


def test_a_host_of_the_test_driver_is_left_out_and_said() -> None:
    plan = site_plan(
        hosts={"mem": {"libvirt_uri": "test:///default"}},
        pools={"guests": {"hosts": ["mem"], "path": "/srv/guests"}},
        networks={},
        devices={},
        guests={},
    )
    found = findings(SiteFacts({}, {}, {}, left_out(plan)), plan)
    assert report.text(found) == (
        "NOT CHECKED (info): host mem is libvirt's test driver: there is no machine to look at\n"
        "  hosts.mem.libvirt_uri: host is a machine\n"
        "mem: 0 passed, 1 not checked\n"
        "1 checks: 0 passed, 1 not checked; all was left out on purpose\n"
    )
    assert green(found)


def test_no_check_at_all_is_not_green() -> None:
    assert report.text([]) == "0 checks: 0 passed; NOTHING to check\n"
    assert not green([])


def test_a_guest_that_is_to_be_off_has_no_devices_bound() -> None:
    guests = {"web": {**SITE["guests"]["web"], "power": "stopped"}}
    ids = [check.id for check in checks(site_plan(guests=guests)) if ".devices" in check.id]
    names = ("devices.gpu0", "devices.sound", "devices.vgpu", "devices")
    assert ids == [f"h1: guests.web.{name}" for name in names]
