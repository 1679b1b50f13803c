"""`guesthouse check`: is a site file right? Without the engine, without any machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guesthouse.cli.output import (
    escape,
    plural,
    print_error,
    print_json,
    problem_values,
    stdout,
    write_text,
)
from guesthouse.errors import SiteError

if TYPE_CHECKING:
    from guesthouse.model import Site

EXAMPLE = "Example: guesthouse check stacks/lab.site.yaml"


def check(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Site files; - reads one from standard input."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    sarif: Annotated[
        Path | None, typer.Option("--sarif", metavar="FILE", help="Write SARIF 2.1.0 for CI.")
    ] = None,
) -> None:
    """Read, check and plan site files; print all problems at once (exit code 2)."""
    results = {file: _checked(file) for file in files}
    wrong = [result for result in results.values() if isinstance(result, SiteError)]
    if as_json:
        print_json({"ok": not wrong, "files": [_values(*item) for item in results.items()]})
    else:
        for file, result in results.items():
            _print(file, result)
    if sarif is not None:
        from guesthouse.cli.sarif import text

        problems = {f: r.problems for f, r in results.items() if isinstance(r, SiteError)}
        write_text(sarif, text(files, problems))
    if wrong:
        raise typer.Exit(SiteError.exit_code)


def _checked(file: Path) -> Site | SiteError:
    from guesthouse.cli.stack import read_site
    from guesthouse.placement import plan

    try:
        site = read_site(file)
        # Only whether it can be worked out: the names of project and stack change no answer.
        plan(site, "project", "stack")
    except SiteError as error:
        return error
    return site


def _counts(site: Site) -> dict[str, int]:
    nouns = ("hosts", "pools", "images", "networks", "guests")
    return {noun: len(getattr(site, noun)) for noun in nouns}


def _print(file: Path, result: Site | SiteError) -> None:
    if isinstance(result, SiteError):
        print_error(result)
        return
    counts = [plural(count, noun.removesuffix("s")) for noun, count in _counts(result).items()]
    stdout().print(f"[green]OK[/] {escape(str(file))}: {', '.join(counts)}")


def _values(file: Path, result: Site | SiteError) -> dict[str, Any]:
    if isinstance(result, SiteError):
        problems = [problem_values(problem) for problem in result.problems]
        return {"file": str(file), "ok": False, "problems": problems}
    return {"file": str(file), "ok": True, **_counts(result), "problems": []}
