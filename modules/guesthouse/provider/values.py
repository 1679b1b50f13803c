"""Property values of the engine <-> plain Python values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime import rpc


class Unknown:
    """A value that is only known after an `up`."""

    def __repr__(self) -> str:
        return "<known after up>"


UNKNOWN = Unknown()


def plain(value: PropertyValue) -> Any:
    """The Python value inside, secrets opened, whole numbers as int."""
    inner = value.value
    if isinstance(inner, Computed):
        return UNKNOWN
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    if isinstance(inner, Mapping):
        return {key: plain(item) for key, item in inner.items()}
    if isinstance(inner, tuple):
        return [plain(item) for item in inner]
    return inner


def plain_map(values: Mapping[str, PropertyValue]) -> dict[str, Any]:
    """Like `plain`, for the properties of a resource."""
    return {key: plain(value) for key, value in values.items()}


def wrap(value: Any, secret: bool = False) -> PropertyValue:
    """The property value for a plain one."""
    if value is UNKNOWN:
        # The SDK can't write its own Computed; on the wire an unknown is this text.
        return PropertyValue(rpc.UNKNOWN, is_secret=secret)
    if isinstance(value, Mapping):
        return PropertyValue({str(k): wrap(v) for k, v in value.items()}, is_secret=secret)
    if isinstance(value, list | tuple):
        return PropertyValue([wrap(item) for item in value], is_secret=secret)
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value), is_secret=secret)
    return PropertyValue(value, is_secret=secret)


def wrap_map(values: Mapping[str, Any], secret: Collection[str] = ()) -> dict[str, PropertyValue]:
    """Like `wrap`, for the properties of a resource; ``secret`` names the secret ones."""
    return {key: wrap(value, secret=key in secret) for key, value in values.items()}
