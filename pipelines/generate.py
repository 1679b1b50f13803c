"""Makes the pipelines of steps.yaml, so that all of them have the same steps.

python pipelines/generate.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).resolve().parent
FILES = ("github.yml", "gitlab-ci.yml", "pulumi-operator-stack.yaml", "run.sh")


def steps() -> dict[str, Any]:
    """What steps.yaml says."""
    value: dict[str, Any] = yaml.safe_load((FOLDER / "steps.yaml").read_text(encoding="utf-8"))
    for item in (item for todo in value["modes"].values() for item in todo):
        item.setdefault("always", False)
    return value


def scalar(text: str) -> str:
    """A text as YAML on one line, quoted where it must be."""
    quoted: str = yaml.safe_dump(text, width=10_000)
    return quoted.removesuffix("...\n").rstrip("\n")


def made() -> dict[str, str]:
    """File -> its text."""
    # Other marks than Jinja's own, which shells and GitHub's expressions have too.
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  # YAML and shell, from a file of ours
        block_start_string="{%",
        block_end_string="%}",
        variable_start_string="{=",
        variable_end_string="=}",
        comment_start_string="{!",
        comment_end_string="!}",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["scalar"] = scalar
    view = steps()
    return {name: environment.get_template(f"{name}.j2").render(view) for name in FILES}


def stale() -> list[str]:
    """Files that are not as they would be made."""
    there = {name: FOLDER / name for name in FILES}
    return [
        name
        for name, text in made().items()
        if not there[name].is_file() or there[name].read_text(encoding="utf-8") != text
    ]


def write() -> None:
    """Write all files; the script can be run."""
    for name, text in made().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    (FOLDER / "run.sh").chmod(0o755)


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(f"stale: {', '.join(stale())}" if stale() else 0)
    write()
