"""The uri of a host's libvirt provider, as the plugin reads it (engine/libvirt/host.go)."""

from __future__ import annotations

import pytest

from guesthouse.components.libvirt import left_alone


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("qemu+ssh://h1/system?a=b", "qemu+ssh://h1/system?a=b&guesthouse_maintenance=true"),
        ("qemu+ssh://h1/system", "qemu+ssh://h1/system?guesthouse_maintenance=true"),
    ],
)
def test_a_uri_says_that_its_host_is_left_alone(uri: str, expected: str) -> None:
    assert left_alone(uri) == expected
