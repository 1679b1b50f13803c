"""A project folder of its own for a test: nothing of the checkout's state is seen or touched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def scratch_project(folder: Path, program: str | None = None, backend: str = "") -> Path:
    """Make a project folder like the checkout; ``program`` takes the place of its __main__.py.

    ``backend`` is the address of its state, when that is not to be in the folder.

    Code, templates and the engine are links. State, passphrase, lab, and the stacks'
    configurations are the folder's own. Run the command there: ``guesthouse -C FOLDER ...``.
    """
    home = folder / ".guesthouse"
    home.mkdir(parents=True)
    (folder / "stacks").mkdir()
    # A backend of the checkout's own is not for tests.
    settings = re.sub(r"(?m)^backend:.*\n([ \t]+.*\n)*", "", (CHECKOUT / "Pulumi.yaml").read_text())
    if backend:
        settings = f'backend:\n  url: "{backend}"\n{settings}'
    (folder / "Pulumi.yaml").write_text(settings)
    for name in ("modules", "policies", "templates", ".venv"):
        (folder / name).symlink_to(CHECKOUT / name)
    if (CHECKOUT / ".guesthouse" / "engine").exists():
        (home / "engine").symlink_to(CHECKOUT / ".guesthouse" / "engine")
    for site in (CHECKOUT / "stacks").glob("*.site.yaml"):
        shutil.copy(site, folder / "stacks")
    text = program if program is not None else (CHECKOUT / "__main__.py").read_text()
    (folder / "__main__.py").write_text(text)
    return folder


def commit() -> str:
    """The commit of the checkout, short: what a table of results is of."""
    argv = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def clean_environment() -> dict[str, str]:
    """This process's environment without what a shell for plain pulumi has in it."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
