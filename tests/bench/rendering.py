"""A guest's documents, safely rendered, against the same templates in plain cached Jinja.

Plain: no autoescape, no StrictUndefined, no canonical pass over the XML.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import jinja2

from bench.rows import Row, cpu_s, in_turn
from bench.sites import full_site
from guesthouse import placement, render, sitefile
from guesthouse.render import templates
from guesthouse.render.guest import hole

NAMES = ("domain.xml.j2", "meta-data.j2", "user-data.j2", "network-config.j2")


def _plain_templates() -> list[jinja2.Template]:
    made = jinja2.Environment(  # noqa: S701 - plain is the point here
        loader=jinja2.FileSystemLoader(templates.FOLDER),
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return [made.get_template(f"guest/{name}") for name in NAMES]


def rows(quick: bool) -> list[Row]:
    """All four documents of each guest."""
    count = 100 if quick else 500
    with TemporaryDirectory(prefix="gh-bench-") as folder:
        file = Path(folder) / "full.site.yaml"
        file.write_text(full_site(count))
        site = sitefile.read(file).checked()
    guests = placement.plan(site, "bench", "bench").guests.values()
    plain = _plain_templates()

    def ours() -> None:
        for guest in guests:
            render.guest_document(guest)

    def peer() -> None:
        for guest in guests:
            for template in plain:
                template.render(guest=guest, hole=hole)

    ours()
    peer()
    safe, plainly = in_turn(9, lambda: cpu_s(ours), lambda: cpu_s(peer))
    to_ms = 1000 / count
    name, against = "safe rendering of a guest", "plain cached Jinja"
    return [Row(name, against, 2, False, safe * to_ms, plainly * to_ms, "ms")]
