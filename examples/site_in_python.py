"""A Pulumi program that builds its site in Python: use it as `__main__.py` of a project.

The models are those of the site file, so names, defaults and checks are the same.
"""

import pulumi

from guesthouse import placement
from guesthouse.components import SiteComponent, end_with
from guesthouse.errors import GuesthouseError
from guesthouse.model import BridgeNetwork, Disk, Guest, Host, Nic, Pool, Site

POOL = Pool(hosts=("lab1",), path="/default-pool", existing=True)
LAN = BridgeNetwork(kind="bridge", bridge="br0", hosts=("lab1",), existing=True)


def guest(number: int) -> Guest:
    """One of several alike: a loop is all that a program adds to a site file."""
    return Guest(
        host="lab1",
        memory_mib=256,
        disks={"root": Disk(pool="default-pool", image="small", size_gib=1)},
        nics={"lan0": Nic(network="lan", address=f"10.90.0.{10 + number}/24")},
    )


def site(image: dict[str, str]) -> Site:
    """Three guests on a host of libvirt's test driver."""
    return Site.model_validate(
        {
            "site": "python-1",
            "hosts": {"lab1": Host(libvirt_uri="test:///default", memory_mib=4096)},
            "pools": {"default-pool": POOL},
            "images": {"small": image},
            "networks": {"lan": LAN},
            "guests": {f"node{number}": guest(number) for number in range(1, 4)},
        }
    )


try:
    config = pulumi.Config()
    image = {"source": config.require("image"), "sha256": config.require("image_sha256")}
    plan = placement.plan(site(image), pulumi.get_project(), pulumi.get_stack())
    for name, value in SiteComponent(plan, secrets={}).outputs.items():
        pulumi.export(name, value)
except GuesthouseError as error:
    end_with(error)
