"""Room: Plan -> documents (libvirt XML, cloud-init, networkd, ssh config).

The only room that knows ``templates/``. Comes in: a Plan. Goes out: documents, each a rendered
text with named holes for secrets. May import: placement, model. Third-party name: jinja2.
"""

from guesthouse.render.access import (
    Machine,
    ansible_inventory,
    machines,
    ssh_config,
    testinfra_hosts,
)
from guesthouse.render.guest import DiskDocument, GuestDocument, guest_document
from guesthouse.render.host import HostDocument, host_document
from guesthouse.render.network import network_document, vf_network_document
from guesthouse.render.physical_function import (
    PhysicalFunctionDocument,
    physical_function_document,
)

__all__ = [
    "DiskDocument",
    "GuestDocument",
    "HostDocument",
    "Machine",
    "PhysicalFunctionDocument",
    "ansible_inventory",
    "guest_document",
    "host_document",
    "machines",
    "network_document",
    "physical_function_document",
    "ssh_config",
    "testinfra_hosts",
    "vf_network_document",
]
