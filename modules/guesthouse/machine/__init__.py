"""Room: connections to machines (ssh, libvirt handles, testinfra hosts, pyinfra runs).

Comes in: an Endpoint. Goes out: a bounded, owned connection. May import: errors.
"""
