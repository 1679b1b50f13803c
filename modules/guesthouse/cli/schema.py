"""`guesthouse schema`: what a site file may say, for editors and for readers."""

from __future__ import annotations

from typing import Annotated

import typer

from guesthouse.errors import Problem, SetupError

EXAMPLE = "Example: guesthouse schema > site.schema.json"


def schema(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the reference of all keys instead.")
    ] = False,
) -> None:
    """Print the JSON schema of site files. Editors take it; docs/site.schema.json is a copy."""
    # Here, since the models take a while to load.
    from guesthouse.sitefile import reference
    from guesthouse.sitefile import schema as site_schema
    from guesthouse.sitefile.meanings import EXAMPLE as SOURCE

    if not SOURCE.is_file():
        hint = "run it in a checkout of guesthouse, or take its docs/site.schema.json"
        raise SetupError(Problem(str(SOURCE), "the annotated example is not there", hint=hint))
    print(reference.text() if markdown else site_schema.text(), end="")
