"""A pool and the three kinds of networks on one host, as Guesthouse declares them."""

import os

import pulumi
import pulumi_libvirt as libvirt

host = libvirt.Provider("h1", uri=os.environ["JOURNEY_URI"])
on_host = pulumi.ResourceOptions(provider=host)

libvirt.Pool(
    "guests",
    name="guests",
    type="dir",
    target=libvirt.PoolTargetArgs(path=os.environ["JOURNEY_PATH"]),
    opts=on_host,
)
for index, mode in enumerate(["nat", "route", "none"]):
    libvirt.Network(
        mode,
        name=mode,
        mode=mode,
        bridge=f"{os.environ.get('JOURNEY_BRIDGES', 'gh')}-{mode}",
        addresses=[f"10.251.{index}.0/24"],
        dhcp=libvirt.NetworkDhcpArgs(enabled=os.environ.get("JOURNEY_DHCP", "yes") == "yes"),
        autostart=True,
        opts=on_host,
    )
