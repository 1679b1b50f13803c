"""`guesthouse where`: the host, and the files that a guest is made of, as they are there now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from guesthouse.cli.output import print_json, print_table
from guesthouse.cli.project import Project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from guesthouse.cli.stack import Stack
    from guesthouse.facts.storage import VolumeFact
    from guesthouse.placement import GuestPlan

EXAMPLE = "Example: guesthouse where web"
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def where(
    guest: Annotated[str, typer.Argument(help="A guest.")],
    stack: Annotated[
        str, typer.Option("--stack", "-s", help="The stack; else the only one, or lab.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print where a guest is: host, pools, files, and the bytes that they can hold and do hold."""
    from guesthouse.cli.stack import default_stack, hosts_only, read_plan

    project = Project.find()
    stack = stack or default_stack(project, f"guesthouse where -s STACK {guest}")
    opened = hosts_only(read_plan(project, stack))
    plan = opened.guest(guest)
    values = _values(plan, _ask(opened, plan))
    if as_json:
        print_json(values)
    else:
        _print(values)


def _ask(opened: Stack, plan: GuestPlan) -> Mapping[str, VolumeFact]:
    from guesthouse.errors import Problem, SiteError
    from guesthouse.facts.question import read
    from guesthouse.facts.storage import volumes

    if not opened.plan.hosts[plan.host].has_ssh:
        what = f"host '{plan.host}' is libvirt's test driver: it has no files"
        raise SiteError(Problem(f"guest {plan.name}", what))
    paths = [disk.path for disk in plan.disks]
    question = volumes([*paths, plan.seed_path] if plan.cloud_init else paths)
    user = opened.ssh.endpoints[plan.host].user
    sudo = () if user == "root" else ("sudo", "-n")
    result = opened.ssh.run(plan.host, *sudo, "sh", "-c", question.command, timeout_s=60)
    return read(question, result.stdout.decode(errors="replace"), f"host {plan.host}")


def _values(plan: GuestPlan, seen: Mapping[str, VolumeFact]) -> dict[str, Any]:
    rows = [(disk.name, disk.pool, disk.volume, disk.path) for disk in plan.disks]
    if plan.cloud_init:
        rows.append(("(seed)", plan.seed_pool, plan.seed_volume, plan.seed_path))
    return {
        "guest": plan.name,
        "uuid": plan.uuid,
        "host": plan.host,
        "console_log": plan.serial_log,
        "disks": {
            name: _file(pool, volume, path, seen.get(path)) for name, pool, volume, path in rows
        },
    }


def _file(pool: str, volume: str, path: str, fact: VolumeFact | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "pool": pool,
        "volume": volume,
        "path": path,
        "there": fact is not None,
    }
    if fact is None:
        return found
    return {
        **found,
        "format": fact.format,
        "virtual_bytes": fact.size_bytes,
        "allocated_bytes": fact.used_bytes,
        "backing_path": fact.backing_path,
    }


def _print(values: Mapping[str, Any]) -> None:
    title = f"{values['guest']} on host {values['host']}, console log {values['console_log']}"
    columns = ("disk", "pool", "file", "format", "virtual", "allocated", "on image")
    rows = []
    for name, disk in values["disks"].items():
        place = (name, disk["pool"], disk["path"])
        if not disk["there"]:
            rows.append((*place, "not there", "", "", ""))
            continue
        sizes = (_size(disk["virtual_bytes"]), _size(disk["allocated_bytes"]))
        image = str(disk["backing_path"]).rpartition("/")[2]
        rows.append((*place, disk["format"], *sizes, image))
    print_table(title, columns, rows)


def _size(count: float) -> str:
    for unit in _UNITS[:-1]:
        if count < 1024:
            return f"{count:.1f} {unit}" if count % 1 else f"{count:g} {unit}"
        count /= 1024
    return f"{count:.1f} {_UNITS[-1]}"
