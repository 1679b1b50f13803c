"""What an interrupted program says as it ends: nothing that is not of use to who interrupted it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import guesthouse.cli

FOLDER = Path(guesthouse.cli.__file__).with_name("program")
# A loop that ends with a coroutine that it was about to run.
DROPPED = """\
import asyncio
async def later():
    pass
async def main():
    asyncio.get_running_loop().call_soon(lambda coroutine: None, later())
    {end}
try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
"""
NEVER_AWAITED = "RuntimeWarning: coroutine 'later' was never awaited"


def said(end: str, path: str) -> str:
    argv = [sys.executable, "-c", DROPPED.format(end=end)]
    env = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_a_dropped_coroutine_is_not_told() -> None:
    assert said("raise KeyboardInterrupt", str(FOLDER)) == ""
    # The control: as Python does it; and one that is forgotten elsewhere is told.
    assert NEVER_AWAITED in said("raise KeyboardInterrupt", "")
    assert NEVER_AWAITED in said("later()", str(FOLDER))
