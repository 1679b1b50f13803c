"""The resources of our own provider, as Pulumi classes: inputs in, outputs typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

Inputs = Mapping[str, Any]


class Resource(pulumi.CustomResource):
    """What all have in common: a preview tells which of its changes `up` would refuse."""

    refused: pulumi.Output[Sequence[str]]

    def __init__(
        self, kind: str, name: str, inputs: Inputs, opts: pulumi.ResourceOptions | None
    ) -> None:
        super().__init__(f"guesthouse:index:{kind}", name, {**inputs, "refused": None}, opts)


class Host(Resource):
    """A hypervisor host: files, packages, services, bridges."""

    libvirt_uri: pulumi.Output[str]

    def __init__(
        self, name: str, inputs: Inputs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("Host", name, {**inputs, "libvirt_uri": None}, opts)


class Image(Resource):
    """An image volume in a pool of one host."""

    def __init__(
        self, name: str, inputs: Inputs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("Image", name, inputs, opts)


class Network(Resource):
    """A libvirt network of one host."""

    def __init__(
        self, name: str, inputs: Inputs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("Network", name, inputs, opts)


class VfNetwork(Resource):
    """A libvirt network of one host that hands out virtual functions."""

    def __init__(
        self, name: str, inputs: Inputs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("VfNetwork", name, inputs, opts)


class PhysicalFunction(Resource):
    """An SR-IOV card of one host with its virtual functions."""

    nic: pulumi.Output[str]

    def __init__(
        self, name: str, inputs: Inputs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("PhysicalFunction", name, {**inputs, "nic": None}, opts)


class Guest(Resource):
    """A guest with its disks and seed."""

    addresses: pulumi.Output[Mapping[str, Sequence[str]]]
    ssh_host_keys: pulumi.Output[Sequence[str]]
    changes: pulumi.Output[Sequence[Mapping[str, str]]]

    def __init__(
        self, name: str, inputs: Inputs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        outputs = {"addresses": None, "ssh_host_keys": None, "changes": None}
        super().__init__("Guest", name, {**inputs, **outputs}, opts)
