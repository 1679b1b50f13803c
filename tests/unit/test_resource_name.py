"""One object, one name in the stack: no hyphen in a part makes two objects one."""

from __future__ import annotations

from itertools import product

import pytest

from guesthouse.placement import former_name, former_names, resource_name

WORDS = ["a", "b", "c", "a-b", "b-c", "a--b", "b--c", "a-b-c", "a---b", "c-d--e"]


def test_no_two_objects_share_a_name() -> None:
    for count in (2, 3):
        names = [resource_name(*parts) for parts in product(WORDS, repeat=count)]
        assert len(set(names)) == len(WORDS) ** count


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("a", "b-c"), "a-b-c"),
        (("a-b", "c"), "a--b-c"),
        (("lab1", "default-pool", "small"), "lab1-default--pool-small"),
        # The control: most names stay as they were.
        (("lab1", "lan"), "lab1-lan"),
    ],
)
def test_only_a_hyphen_before_the_last_part_changes_a_name(
    parts: tuple[str, ...], name: str
) -> None:
    assert resource_name(*parts) == name
    assert (former_name(*parts) == name) == all("-" not in part for part in parts[:-1])


def test_no_former_name_is_another_objects_name_of_now() -> None:
    assert former_names([("a-b", "c"), ("a", "d")]) == {("a-b", "c"): "a-b-c"}
    assert former_names([("a-b", "c"), ("a", "b-c")]) == {}
    every = list(product(WORDS, repeat=2))
    assert not {resource_name(*parts) for parts in every} & set(former_names(every).values())
