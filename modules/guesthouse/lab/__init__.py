"""Room: emulated hypervisor hosts on this machine.

Comes in: a checkout folder. Goes out: running hosts, their endpoints, the part of the site file
that only this machine knows. May import: machine, errors. Recipes of images are in ``recipes/``.
"""
