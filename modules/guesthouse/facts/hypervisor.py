"""Facts of libvirt on a host: domains, pools and networks, all through one virsh."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from guesthouse.facts import guest, network, storage, virsh
from guesthouse.facts.guest import DomainFact
from guesthouse.facts.network import NetworkFact
from guesthouse.facts.question import Question
from guesthouse.facts.storage import PoolFact
from guesthouse.facts.together import NotAnswered, read_or_not


@dataclass(frozen=True)
class HypervisorFact:
    """libvirt's objects by name; one that does not exist is absent, and one of which libvirt tells
    what cannot be read does not disturb the others."""

    domains: Mapping[str, DomainFact | NotAnswered]
    pools: Mapping[str, PoolFact | NotAnswered]
    networks: Mapping[str, NetworkFact | NotAnswered]


_KINDS: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "domains": (guest.COMMANDS, guest.domain),
    "pools": (storage.POOL_COMMANDS, storage.pool),
    "networks": (network.COMMANDS, network.network),
}


def hypervisor(
    domains: Iterable[str], pools: Iterable[str], networks: Iterable[str]
) -> Question[HypervisorFact]:
    """The named objects. Names are RFC 1123 labels, so they need no quoting."""
    wanted = {"domains": tuple(domains), "pools": tuple(pools), "networks": tuple(networks)}
    parts = [
        (f"{kind}/{name}/{index}", f"{command} -- {name}")
        for kind, names in wanted.items()
        for name in names
        for index, command in enumerate(_KINDS[kind][0])
    ]

    def parse(output: str) -> HypervisorFact:
        answers = virsh.cut(output)

        def of(kind: str) -> dict[str, Any]:
            commands, read = _KINDS[kind]
            texts = {
                name: [answers.get(f"{kind}/{name}/{i}", "") for i in range(len(commands))]
                for name in wanted[kind]
            }
            return {
                name: read_or_not(partial(read, *found))
                for name, found in texts.items()
                if all(found)
            }

        return HypervisorFact(of("domains"), of("pools"), of("networks"))

    return Question(virsh.script(parts), parse)
