"""Not yet."""

import typer

EXAMPLE = ""
app = typer.Typer()


@app.callback()
def verify() -> None:
    """Not yet."""
