"""What hostile guests and hosts answer to `verify`: part of the answer -> its text, by what is odd.

Run as a program it verifies the site against all of them, and prints its memory at most in MiB.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from checks_case import site_plan
from virsh_encoded import encoded

from guesthouse.checks import Finding
from guesthouse.checks.after import verify
from guesthouse.facts.question import Runner
from guesthouse.facts.virsh import cut

PLAN = site_plan()
RECORDED = cut((Path(__file__).parent / "recorded_facts" / "virsh.txt").read_text())
INFO, LIVE, CONFIG = (RECORDED[f"domains/tryfacts/{n}"] for n in range(3))
UUID = "efd6ae45-4bba-56d1-9f7d-733583e2c440"
MIB = 1024**2
DEEP, HUGE, ESCAPES = "[" * 100_000, "9" * 100_000, "\x1b]52;c;aGk=\x07\x1b[2J"
LINK = {"ifname": "eth0", "address": "52:54:00:00:00:01", "link_type": "ether"}
ADDRESS = {"local": "10.0.0.1", "prefixlen": 24}
ENTITIES = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
BOMB = f'<!DOCTYPE d [<!ENTITY a0 "aaaaaaaaaa">{ENTITIES}]><domain><name>&a9;</name></domain>'


def links(*found: object) -> str:
    return "\n\n" + json.dumps(found)


SYSTEM = """\
hostname web
machine_id 5
firmware bios
vcpus 1
pages 4096 100 200
disk 2048 root
root /dev/vda1 100 50 50 50% /
"""
# The harmless twins: what a right guest answers.
RIGHT_GUEST: Mapping[str, str] = {
    "system": SYSTEM,
    "nics": links({**LINK, "addr_info": [ADDRESS]}),
    "routing": "default via 10.0.0.254 dev eth0\nnameserver 10.0.0.254\n",
    "cloud_init": '{"v1": {"errors": []}}',
    "users": "user admin /bin/sh\nsudo admin yes\npassword admin P\nkeys admin QQ==\n",
    "packages": "installed bash\n",
    "reached": "",
}
# Part -> what is odd -> text; only this part of web's own answer is odd.
GUEST: Mapping[str, Mapping[str, str]] = {
    "system": {
        "nothing": "",
        "NUL": "\0" * 1000,
        "huge number": SYSTEM.replace("vcpus 1", f"vcpus {HUGE}"),
        "4000 digits": SYSTEM.replace("vcpus 1", f"vcpus {'9' * 4000}"),
        "no number": SYSTEM.replace("4096 100", "many few"),
        "half a line": SYSTEM.replace(" 100 50 50 50% /", ""),
        "no pages": SYSTEM.replace("pages 4096 100 200", "pages "),
        "escapes": SYSTEM.replace("hostname web", f"hostname {ESCAPES}"),
        "a MiB": SYSTEM.replace("hostname web", f"hostname {'x' * MIB}"),
        "many lines": SYSTEM + "disk 1 x\n" * 200_000,
    },
    "nics": {
        "no JSON": "\n\nhello",
        "deep": f"\n\n{DEEP}",
        "a mapping": '\n\n{"ifname": "eth0"}',
        "a list of lists": links([[]]),
        "a number": "\n\n7",
        "null": "\n\nnull",
        "NaN": '\n\n[{"ifname": NaN}]',
        "huge number": f"\n\n[{HUGE}]",
        "no name": links({"address": "52:54:00:00:00:01", "link_type": "ether"}),
        "no address": links({"ifname": "eth0", "link_type": "ether"}),
        "list for address": links({**LINK, "address": ["x"]}),
        "list for addresses": links({**LINK, "addr_info": {"local": 1}}),
        "a word for an address": links({**LINK, "addr_info": [{**ADDRESS, "local": "x'$(id)"}]}),
        "bool for prefix": links({**LINK, "addr_info": [{**ADDRESS, "prefixlen": True}]}),
        "huge prefix": links({**LINK, "addr_info": [{**ADDRESS, "prefixlen": 10**100}]}),
        "scope": links({**LINK, "addr_info": [{"local": "fe80::1%\x1b[2J", "prefixlen": 64}]}),
        "lone surrogate": '\n\n[{"ifname": "\\ud800"}]',
        "duplicate keys": '\n\n[{"ifname": "a", "ifname": []}]',
        "driver line": "eth0 virtio_net more\n\n[]",
        "many": "\n\n[" + "{}," * 300_000 + "{}]",
    },
    "routing": {
        "half": "nameserver\n",
        "no NIC": "default via 10.0.0.1 dev\n",
        "no gate": "dev via",
    },
    "cloud_init": {
        "no JSON": "x",
        "a list": "[]",
        "v1 a list": '{"v1": []}',
        "v1 null": '{"v1": null}',
        "errors null": '{"v1": {"errors": null}}',
        "errors a number": '{"v1": {"errors": 7}}',
        "deep": '{"v1": ' * 100_000,
    },
    "users": {
        "a word": "x\n",
        "no user": "sudo admin yes\n",
        "bad base64": "user admin /bin/sh\nkeys admin A\n",
        "no ASCII": "user admin /bin/sh\nkeys admin \u00e4\n",
        "NUL": "user admin \0\n",
    },
    "packages": {"NUL": "\0\n\0", "many": "installed x\n" * 100_000},
    "reached": {"words": "$(id) `id`\n", "escapes": ESCAPES},
}
# What libvirt tells of web on its host: (info, running, stored).
DOMAIN: Mapping[str, tuple[str, str, str]] = {
    "no table": ("x", LIVE, CONFIG),
    "no UUID": (INFO.replace("UUID:", "No:"), LIVE, CONFIG),
    "no autostart": (INFO.replace("Autostart:", "No:"), LIVE, CONFIG),
    "no XML": (INFO, LIVE, "x"),
    "half": (INFO, LIVE, CONFIG[: len(CONFIG) // 2]),
    "half running": (INFO, LIVE[: len(LIVE) // 2], CONFIG),
    "NUL": (INFO, LIVE, CONFIG.replace("<name>", "<name>\0")),
    "bomb": (INFO, LIVE, BOMB),
    "bomb running": (INFO, BOMB, CONFIG),
    "entity of a file": (
        *(INFO, LIVE),
        '<!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd">]><domain>&f;</domain>',
    ),
    "deep": (INFO, LIVE, "<a>" * 100_000),
    "large": (INFO, LIVE, f"<domain>{'<a/>' * MIB}</domain>"),
    "word for memory": (INFO, LIVE, CONFIG.replace("65536</memory>", "much</memory>")),
    "odd unit": (INFO, LIVE, CONFIG.replace("unit='KiB'", "unit='elephants'")),
    "huge memory": (INFO, LIVE, CONFIG.replace("65536</memory>", f"{HUGE}</memory>")),
    "word for vCPUs": (INFO, LIVE, CONFIG.replace("current='1'", "current='one'")),
    "no encoding": (INFO, LIVE, f"<?xml version='1.0' encoding='utf-7'?>{CONFIG}"),
}
# A whole answer, of a guest or a host.
WHOLE: Mapping[str, str] = {
    "nothing": "",
    "NUL": "\0" * 1000,
    "escapes": ESCAPES,
    "half": "==guesthouse begin system\nhostname",
    "no code": "==guesthouse begin system\nx\n==guesthouse end \n",
    "a word for a code": "==guesthouse begin system\nx\n==guesthouse end ok no\n",
    "superscript code": "==guesthouse begin system\nx\n==guesthouse end \u00b2 no\n",
    "huge code": f"==guesthouse begin system\nx\n==guesthouse end {HUGE} no\n",
    "twice": "==guesthouse begin nics\nx\n==guesthouse end 0 \n" * 1000,
    "only marks": "==guesthouse begin " * 10_000,
    "end first": "\n==guesthouse end 0 \n==guesthouse begin x\n",
    "replaced bytes": "\ufffd" * 100_000,
    "a large line": "x" * (2 * MIB - 1),
    "large lines": "ab\n" * (2 * MIB // 3),
}


def joined(parts: Mapping[str, str]) -> str:
    """The answer to several questions in one."""
    return "".join(
        f"==guesthouse begin {name}\n{text}\n==guesthouse end 0 \n" for name, text in parts.items()
    )


def host_answer(web: tuple[str, str, str] = (INFO, LIVE, CONFIG), **parts: str) -> str:
    told = {"web": web, "db": (INFO, LIVE, CONFIG)}
    virsh = "".join(
        encoded(f"domains/{name}/{number}", text)
        for name, texts in told.items()
        for number, text in enumerate(t.replace(UUID, PLAN.guests[name].uuid) for t in texts)
    )
    size = "MemTotal: 4194304\nMemAvailable: 4194304\nvcpus 4\n"
    right = {"size": size, "packages": "installed ethtool\n", "bridges": "[]", "files": ""}
    return joined({**right, "hypervisor": virsh, **parts})


class Machines:
    """A door whose machines answer with given texts."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        db = {**RIGHT_GUEST, "system": SYSTEM.replace("machine_id 5", "machine_id 6")}
        right = {"h1": host_answer(), "web": joined(RIGHT_GUEST), "db": joined(db)}
        self.answers = {**right, **answers}

    def knows(self, name: str) -> bool:
        return True

    def pinned(self, name: str) -> tuple[str, ...]:
        return ("ssh-ed25519 AAAA",)

    def runner(self, name: str) -> Runner:
        return lambda command: self.answers[name]


def cases() -> Iterable[tuple[str, dict[str, str]]]:
    """(what is odd, machine -> its odd answer)."""
    for part, texts in GUEST.items():
        for odd, text in texts.items():
            yield f"web {part}: {odd}", {"web": joined({**RIGHT_GUEST, part: text})}
    for odd, told in DOMAIN.items():
        yield f"domain: {odd}", {"h1": host_answer(told)}
    for odd, text in WHOLE.items():
        yield f"web: {odd}", {"web": text}
        yield f"h1: {odd}", {"h1": text}
    for odd, text in {"no JSON": "x", "deep": DEEP, "null": "null", "words": '["a"]'}.items():
        yield f"bridges: {odd}", {"h1": host_answer(bridges=text)}


def findings(answers: Mapping[str, str]) -> list[Finding]:
    return verify(PLAN, Machines(answers), patience_s=0)


if __name__ == "__main__":
    for _, odd_answers in cases():
        findings(odd_answers)
    # Of this program alone: getrusage(2) counts what forked it too.
    status = Path("/proc/self/status").read_text()
    print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
