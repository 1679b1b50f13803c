"""A preview without changes, per resource: our guests against resources of nothing.

The peer is a component with children of a native Python provider whose resources have no inputs
and whose methods do nothing: what engine, SDK and language host cost by themselves. The marginal
cost (many less few, by their number) leaves out what each preview costs once.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from project import EngineProject

from bench.rows import Row, in_turn, wall_s
from bench.sites import POOLS, driver_site, node

STOCK = Path(__file__).resolve().parent / "stock"
# As many as there are pools, so that more guests do not mean more image volumes.
FEW = POOLS

PROGRAM = """\
import pulumi


class Group(pulumi.ComponentResource):
    def __init__(self, count: int) -> None:
        super().__init__("stock:index:Group", "group")
        for index in range(count):
            options = pulumi.ResourceOptions(parent=self)
            pulumi.CustomResource("stock:index:Empty", f"g{index}", {}, options)
        self.register_outputs({})


Group(int(open("count").read()))
"""


class Ours(EngineProject):
    """Guests on libvirt's test driver."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.secret("web_password", "correct-horse-battery")

    def set_count(self, count: int, hosts: int = 1) -> None:
        """Declare ``count`` guests."""
        node_file = self.root / "node.xml"
        node_file.write_text(node())
        uri = f"test://{node_file}"
        text = driver_site(count, hosts, uri, str(self.image), self.sha256)
        (self.root / "stacks/test.site.yaml").write_text(text)


class Stock(EngineProject):
    """Resources of nothing."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, PROGRAM)
        shutil.copytree(STOCK, self.root / "stock")
        file = self.root / "Pulumi.yaml"
        settings = yaml.safe_load(file.read_text())
        settings["plugins"]["providers"].append({"name": "stock", "path": "stock"})
        file.write_text(yaml.safe_dump(settings))

    def set_count(self, count: int) -> None:
        """Declare ``count`` resources."""
        (self.root / "count").write_text(str(count))


@contextmanager
def deployed(kind: type[Ours] | type[Stock], count: int) -> Iterator[Ours | Stock]:
    """A project whose ``count`` resources exist."""
    with TemporaryDirectory(prefix="gh-bench-") as folder:
        project = kind(Path(folder) / "project")
        project.set_count(count)
        # Without: the engine writes its whole state after each resource.
        project.env["PULUMI_SKIP_CHECKPOINTS"] = "true"
        project.env["PULUMI_EXPERIMENTAL"] = "true"
        project.pulumi("up", "--yes", "--skip-preview", "--suppress-progress")
        yield project


def _preview_s(project: Ours | Stock) -> float:
    return wall_s(lambda: project.pulumi("preview", "--expect-no-changes"))


def marginal(counts: tuple[int, ...], rounds: int) -> list[Row]:
    """One row for each of ``counts``."""
    rows = []
    with deployed(Ours, FEW) as few_ours, deployed(Stock, FEW) as few_stock:
        for count in counts:
            with deployed(Ours, count) as many_ours, deployed(Stock, count) as many_stock:
                projects = (few_ours, few_stock, many_ours, many_stock)
                measures = [lambda p=p: _preview_s(p) for p in projects]
                base_ours, base_stock, ours, stock = in_turn(rounds, *measures)
            added = count - FEW
            rows.append(
                Row(
                    name=f"no-op preview per resource, {count:,} guests",
                    against="stock empty resources",
                    goal=1.2,
                    ours=(ours - base_ours) / added * 1000,
                    peer=(stock - base_stock) / added * 1000,
                    unit="ms",
                )
            )
    return rows


def rows(quick: bool) -> list[Row]:
    """200 guests, and 1,000 unless ``quick``."""
    return marginal((200,) if quick else (200, 1000), 3)
