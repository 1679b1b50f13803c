"""Site files of any size: a full one, as users write it, and one on libvirt's test driver."""

from __future__ import annotations

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2ZIlCKHRrC1rAcBW1cvqWQ3gPtKHOJdOKYWpN3mfdb"
HOSTS = 30

FULL_HOST = """\
  h{index}:
    address: 192.0.2.{number}
    host_keys: [{key}]
    bridges: {{br0: {{nic: enp0s4, address: 10.64.0.{number}/12}}}}
"""

FULL = """\
site: bench-1
hosts:
{hosts}pools:
  guests: {{hosts: [{names}], kind: dir, path: /srv/guests}}
images:
  debian13: {{source: images/debian13.qcow2, sha256: "{digest}"}}
networks:
  lan: {{kind: bridge, bridge: br0}}
  nat: {{kind: nat, subnet: 10.200.0.0/16, dhcp: true}}
guests:
{guests}"""

FULL_GUEST = """\
  web{index}:
    host: h{host}
    vcpus: 1
    vcpus_max: 4
    memory_mib: 512
    memory_max_mib: 1024
    firmware: bios
    disks:
      root: {{pool: guests, image: debian13, size_gib: 4}}
      data: {{pool: guests, size_gib: 1}}
    nics:
      lan0: {{network: lan, address: 10.65.{high}.{low}/12}}
      nat0: {{network: nat}}
    cloud_init:
      packages: [nginx]
      runcmd: [echo hello]
      users:
        admin:
          ssh_keys: [{key} me@home]
          password: {{secret: web_password}}
"""

# libvirt's test driver gives each pool 100 GiB.
POOLS = 12

NODE = """\
<node>
{pools}</node>
"""

NODE_POOL = """\
  <pool type="dir"><name>p{index}</name><target><path>/p{index}</path></target></pool>
"""

DRIVER = """\
site: bench-1
hosts:
{hosts}pools:
{pools}images:
  small: {{source: {image}, sha256: {sha256}, format: raw}}
networks:
  lan: {{kind: bridge, bridge: br0, hosts: [{names}], existing: true}}
guests:
{guests}"""

DRIVER_GUEST = """\
  g{index}:
    host: t{host}
    memory_mib: 64
    disks: {{root: {{pool: p{pool}, image: small, size_gib: 1}}}}
    nics: {{lan0: {{network: lan}}}}
    cloud_init: {{users: {{admin: {{password: {{secret: web_password}}}}}}}}
"""


def full_site(count: int) -> str:
    """``count`` guests with all their keys, on 30 hosts."""
    guests = "".join(
        FULL_GUEST.format(
            index=index, host=index % HOSTS, high=index // 250, low=index % 250 + 1, key=KEY
        )
        for index in range(count)
    )
    hosts = "".join(FULL_HOST.format(index=n, number=n + 1, key=KEY) for n in range(HOSTS))
    names = ", ".join(f"h{index}" for index in range(HOSTS))
    return FULL.format(hosts=hosts, names=names, digest="0" * 64, guests=guests)


def node() -> str:
    """A machine for libvirt's test driver (https://libvirt.org/drvtest.html)."""
    return NODE.format(pools="".join(NODE_POOL.format(index=n) for n in range(POOLS)))


def driver_site(count: int, hosts: int, uri: str, image: str, sha256: str) -> str:
    """``count`` guests on ``hosts`` hosts of libvirt's test driver."""
    guests = "".join(
        DRIVER_GUEST.format(index=n, host=n % hosts, pool=n % POOLS) for n in range(count)
    )
    names = ", ".join(f"t{index}" for index in range(hosts))
    return DRIVER.format(
        hosts="".join(f'  t{n}: {{libvirt_uri: "{uri}"}}\n' for n in range(hosts)),
        pools="".join(
            f"  p{n}: {{hosts: [{names}], path: /p{n}, existing: true}}\n" for n in range(POOLS)
        ),
        names=names,
        image=image,
        sha256=sha256,
        guests=guests,
    )
