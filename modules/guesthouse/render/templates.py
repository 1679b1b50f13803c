"""The Jinja environment: strict, cached, escaped for XML; data is never a template.

Safety rules: an undefined name is an error, ``.xml.j2`` templates escape every value, YAML
scalars go through ``|tojson``, those of an ssh_config through ``|ssh`` and ``|ssh_path``, and no
template text ever comes from a site file.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guesthouse import ssh_config

if TYPE_CHECKING:
    from jinja2 import Environment, Template

FOLDER = Path(__file__).resolve().parents[3] / "templates"

# What YAML folds, refuses or takes for a line break, and what no editor shows.
_SAFE = (
    r"\x20-\x7e\xa1-\u1fff\u2010-\u2027\u2030-\ud7ff\ue000-\ufdcf"
    r"\uff01-\uffef\U00010000-\U0010fffd"
)
_UNSAFE = re.compile(f"[^{_SAFE}]")


def yaml_flow(value: Any) -> str:
    """A value as JSON that is YAML too, readable: ``ü`` and ``>`` stay as they are.

    Jinja's own filter writes for HTML, and a letter beyond U+FFFF as two surrogates, which YAML
    does not join (https://yaml.org/spec/1.2.2/#57-escaped-characters). Two at signs, which begin
    a hole for a secret, are kept apart: a value never makes a hole.
    """
    text = json.dumps(value, ensure_ascii=False).replace("@@", r"@\x40")
    return _UNSAFE.sub(lambda match: f"\\U{ord(match.group()):08x}", text)


@cache
def environment() -> Environment:
    """One environment per process; templates are compiled once."""
    # Here, since Jinja takes a while to load, and much is said without a document.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    made = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("xml.j2",)),
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"tojson": yaml_flow, "ssh": ssh_config.value, "ssh_path": ssh_config.path}
    return made


@cache
def _template(name: str) -> Template:
    return environment().get_template(name)


def render(name: str, **view: Any) -> str:
    """The text of the template ``name`` (a path below ``templates/``) for one view."""
    return _template(name).render(view)
