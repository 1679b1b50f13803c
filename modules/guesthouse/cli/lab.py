"""Not yet."""

import typer

EXAMPLE = ""
app = typer.Typer()


@app.callback()
def lab() -> None:
    """Not yet."""
