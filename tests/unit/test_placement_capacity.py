"""Capacity: what fits exactly is accepted, one MiB more is refused with numbers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guesthouse.errors import SiteError
from guesthouse.model import Site, parse_site
from guesthouse.placement import capacity_problems, plan


def site(guests_mib: list[int], guest_vcpus: int = 1, **host: Any) -> Site:
    """A site of one host with a guest for every entry of ``guests_mib``."""
    disk = {"pool": "guests", "image": "small", "size_gib": 1}
    return parse_site(
        {
            "site": "s",
            "hosts": {"h1": {"address": "h1", "host_keys": ["ssh-ed25519 AAAA"], **host}},
            "pools": {"guests": {"hosts": ["h1"], "path": "/srv"}},
            "images": {"small": {"source": "small.qcow2", "sha256": "0" * 64}},
            "guests": {
                f"g{index}": {
                    "host": "h1",
                    "memory_mib": mib,
                    "vcpus": guest_vcpus,
                    "disks": {"root": disk},
                }
                for index, mib in enumerate(guests_mib)
            },
        }
    )


def refusal(wanted: Site) -> str:
    """The whole message with which a site is refused."""
    with pytest.raises(SiteError) as caught:
        plan(wanted, "p", "s")
    return str(caught.value)


def test_an_exact_fit_is_accepted() -> None:
    wanted = site([1024, 512, 512], memory_mib=2048)
    assert [g.memory_mib for g in plan(wanted, "p", "s").guests.values()] == [1024, 512, 512]


def test_one_mib_more_is_refused() -> None:
    assert refusal(site([1024, 512, 513], memory_mib=2048)) == (
        "hosts.h1.memory_mib: the 3 guests of host 'h1' need 2049 MiB, got a capacity of 2048 MiB\n"
        "  hint: the largest are g0 (1024), g2 (513), g1 (512): "
        "move one to another host or make it smaller"
    )


def test_a_single_guest_that_is_too_big_is_told_so() -> None:
    assert refusal(site([2049], memory_mib=2048)) == (
        "hosts.h1.memory_mib: the guest of host 'h1' needs 2049 MiB, got a capacity of 2048 MiB\n"
        "  hint: move g0 to another host or make it smaller"
    )


def test_as_many_vcpus_as_the_host_has() -> None:
    assert capacity_problems(site([32, 32, 32], guest_vcpus=4, vcpus=4)) == []


def test_one_vcpu_more_is_refused() -> None:
    assert refusal(site([32], guest_vcpus=5, vcpus=4)) == (
        "guests.g0.vcpus: more vCPUs than host 'h1' has, got 5, allowed at most 4"
    )


def test_memory_and_vcpus_are_told_at_once() -> None:
    found = capacity_problems(site([64], guest_vcpus=3, memory_mib=63, vcpus=2))
    assert [problem.where for problem in found] == ["hosts.h1.memory_mib", "guests.g0.vcpus"]


def test_a_host_that_declares_nothing_takes_everything() -> None:
    assert capacity_problems(site([10**6] * 3, guest_vcpus=4096)) == []


@given(st.lists(st.integers(32, 10**6), min_size=1, max_size=8), st.integers(32, 10**7))
def test_refused_if_and_only_if_it_does_not_fit(memory: list[int], capacity: int) -> None:
    found = capacity_problems(site(memory, memory_mib=capacity))
    assert bool(found) == (sum(memory) > capacity)


@given(st.lists(st.integers(32, 10**6), min_size=1, max_size=8))
def test_the_sum_is_the_least_capacity_that_fits(memory: list[int]) -> None:
    total = sum(memory)
    assert capacity_problems(site(memory, memory_mib=total)) == []
    if total > 32:
        (problem,) = capacity_problems(site(memory, memory_mib=total - 1))
        assert problem.path == ("hosts", "h1", "memory_mib")
        assert f" {total} MiB" in problem.what


@given(st.permutations([100, 200, 300, 400]))
def test_the_order_of_guests_does_not_matter(memory: list[int]) -> None:
    (problem,) = capacity_problems(site(memory, memory_mib=999))
    sizes = [word.split("(")[1].split(")")[0] for word in problem.hint.split(":")[0].split(", ")]
    assert sizes == ["400", "300", "200"]
