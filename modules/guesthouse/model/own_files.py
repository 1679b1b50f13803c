"""Files of the machine that runs the program: they are named by path, not by URL."""

from __future__ import annotations

from collections.abc import Iterator

from guesthouse.errors import Problem
from guesthouse.model.problems import Path, problem
from guesthouse.model.site import Site
from guesthouse.model.values import url_scheme


def problems(site: Site) -> Iterator[Problem]:
    """Sources of images and identity files that are URLs."""
    for name, image in site.images.items():
        yield from _path_only(("images", name, "source"), image.source)
    for name, host in site.hosts.items():
        yield from _path_only(("hosts", name, "identity_file"), host.identity_file or "")


def _path_only(path: Path, text: str) -> Iterator[Problem]:
    if scheme := url_scheme(text):
        hint = "download the file and give its path; nothing is fetched from a URL"
        # The rest of a URL may hold a password or a token.
        yield problem(path, "is a URL", f"{scheme}://...", "a path on this machine", hint, "form")
