"""Every metric that we export: its name, what it says, its labels, and how rows become families.

Names and units follow https://prometheus.io/docs/practices/naming/; counters end in ``_total``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from guesthouse.display import visible

# A metric's name, the values of its labels in their order, and its value.
Row = tuple[str, tuple[str, ...], float]

_HOST = ("stack", "host")
_NIC = (*_HOST, "device")
_POOL = (*_HOST, "pool")
_GUEST = (*_HOST, "guest")
_VCPU = (*_GUEST, "vcpu")
_DISK = (*_GUEST, "disk")
_GUEST_NIC = (*_GUEST, "nic")
_VF = (*_HOST, "card", "vf", "guest")

LIVE: dict[str, tuple[str, tuple[str, ...]]] = {
    "guesthouse_host_up": ("1 for a host that answered, its libvirt too.", _HOST),
    "guesthouse_host_cpu_seconds_total": (
        "Of all processors; what guests used is in user.",
        (*_HOST, "mode"),
    ),
    "guesthouse_host_memory_total_bytes": ("Memory of a host.", _HOST),
    "guesthouse_host_memory_available_bytes": ("What new processes can have.", _HOST),
    "guesthouse_host_network_receive_bytes_total": ("By network card, not bridges.", _NIC),
    "guesthouse_host_network_transmit_bytes_total": ("By network card, not bridges.", _NIC),
    "guesthouse_pool_capacity_bytes": ("What a storage pool can hold.", _POOL),
    "guesthouse_pool_allocation_bytes": ("What is used where a pool lies.", _POOL),
    "guesthouse_guest_state": ("1 for the state that a guest is in.", (*_GUEST, "state")),
    "guesthouse_guest_health": (
        "1, with healthy, hung, crashed or unknown; none for a guest that was stopped.",
        (*_GUEST, "health", "reason"),
    ),
    "guesthouse_guest_vcpus": ("Virtual processors plugged in.", _GUEST),
    "guesthouse_guest_cpu_seconds_total": ("Of a guest's whole QEMU process.", _GUEST),
    "guesthouse_guest_vcpu_seconds_total": ("At work.", _VCPU),
    "guesthouse_guest_vcpu_delay_seconds_total": (
        "Ready to work while the host ran something else: what the guest sees as steal.",
        _VCPU,
    ),
    "guesthouse_guest_vcpu_wait_seconds_total": ("Waiting for the host's disks.", _VCPU),
    "guesthouse_guest_balloon_current_bytes": ("Memory that a guest has now.", _GUEST),
    "guesthouse_guest_balloon_maximum_bytes": ("Memory that it can be given live.", _GUEST),
    "guesthouse_guest_balloon_unused_bytes": ("Unused, as its kernel tells.", _GUEST),
    "guesthouse_guest_balloon_available_bytes": ("All that its kernel manages.", _GUEST),
    "guesthouse_guest_balloon_usable_bytes": ("Free without swapping, as it tells.", _GUEST),
    "guesthouse_guest_balloon_rss_bytes": ("What its QEMU holds of the host's memory.", _GUEST),
    "guesthouse_guest_disk_read_bytes_total": ("Read by a guest.", _DISK),
    "guesthouse_guest_disk_write_bytes_total": ("Written by a guest.", _DISK),
    "guesthouse_guest_disk_read_requests_total": ("Reads of a guest.", _DISK),
    "guesthouse_guest_disk_write_requests_total": ("Writes of a guest.", _DISK),
    "guesthouse_guest_disk_allocation_bytes": ("Highest byte written to the image.", _DISK),
    "guesthouse_guest_disk_capacity_bytes": ("Size that a guest sees.", _DISK),
    "guesthouse_guest_network_receive_bytes_total": ("Received by a guest.", _GUEST_NIC),
    "guesthouse_guest_network_transmit_bytes_total": ("Sent by a guest.", _GUEST_NIC),
    "guesthouse_guest_network_receive_packets_total": ("Received by a guest.", _GUEST_NIC),
    "guesthouse_guest_network_transmit_packets_total": ("Sent by a guest.", _GUEST_NIC),
    "guesthouse_guest_network_receive_dropped_total": ("Packets lost to a guest.", _GUEST_NIC),
    "guesthouse_guest_network_transmit_dropped_total": ("Packets lost of a guest.", _GUEST_NIC),
    "guesthouse_vf_info": (
        "1 for each virtual function of an SR-IOV card, counted or not; guest is empty for none.",
        (*_VF, "mac", "vlan", "counted_by"),
    ),
    "guesthouse_vf_receive_bytes_total": ("As the function itself receives.", _VF),
    "guesthouse_vf_transmit_bytes_total": ("As the function itself sends.", _VF),
    "guesthouse_vf_receive_packets_total": ("As the function itself receives.", _VF),
    "guesthouse_vf_transmit_packets_total": ("As the function itself sends.", _VF),
    "guesthouse_vf_receive_multicast_total": ("Packets to groups.", _VF),
    "guesthouse_vf_receive_broadcast_total": ("Packets to all.", _VF),
    "guesthouse_vf_receive_dropped_total": ("Packets lost.", _VF),
    "guesthouse_vf_transmit_dropped_total": ("Packets lost.", _VF),
}
# Written by `verify` and `preview` into files for node_exporter's textfile collector.
IN_FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "guesthouse_verify_checks": ("Checks of the last verify.", ("stack", "status")),
    "guesthouse_verify_success": ("1 when all was as declared.", ("stack",)),
    "guesthouse_verify_timestamp_seconds": ("When the last verify ended.", ("stack",)),
    "guesthouse_drift_resources": (
        "Resources that the last preview would change: drift, with --refresh.",
        ("stack",),
    ),
    "guesthouse_drift_timestamp_seconds": ("When that preview ended.", ("stack",)),
    # As node_exporter's own node_textfile_scrape_error, by file.
    "guesthouse_textfile_scrape_error": ("1 for a file that cannot be read.", ("file",)),
}
FAMILIES = LIVE | IN_FILES


def families(rows: Iterable[Row]) -> Iterator[Metric]:
    """The rows by their metric, in the table's order; of the same labels the last one counts, since
    Prometheus takes nothing that says a thing twice."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for name, labels, value in rows:
        found.setdefault(name, {})[labels] = value
    for name, (about, labels) in FAMILIES.items():
        if name in found:
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = kind(name, about, labels=labels)
            for values, number in found[name].items():
                family.add_metric([visible(value) for value in values], number)
            yield family


# The library keeps collectors by their identity.
@dataclass(frozen=True, eq=False)
class Collected:
    """What was seen, as the library's collector."""

    metrics: tuple[Metric, ...]

    def collect(self) -> Iterable[Metric]:
        """The metrics."""
        return self.metrics


def registry(collector: Collector) -> CollectorRegistry:
    """A registry with nothing else in it, nothing of this process either."""
    made = CollectorRegistry()
    made.register(collector)
    return made
