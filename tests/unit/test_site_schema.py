"""The JSON schema and the reference of site files: made anew they are as committed, and they agree
with the models about every site file of the repository and about the mistakes of the tests.

``pytest tests/unit/test_site_schema.py --regenerate`` writes both files.
"""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from cli_site import SITE
from test_model_shape import BASE, CASES

from guesthouse.cli.app import run
from guesthouse.model import Site
from guesthouse.sitefile import meanings, reference, schema

CHECKOUT = Path(__file__).resolve().parents[2]
MADE = {"docs/site.schema.json": schema.text, "docs/reference.md": reference.text}
STACKS = sorted((CHECKOUT / "stacks").glob("*.site.yaml"))
SITES = [*STACKS, *sorted((CHECKOUT / "tests" / "golden").glob("*/site.yaml"))]
# What only `guesthouse check` finds: no pattern says what an address is, and bounds are those of
# numbers, not of texts.
UNSEEN = re.compile(
    r"is too (small|big)|prefix length|host bits|no room for|does not appear|network's own|"
    r"multicast|begin with fe"
)


class Core(yaml.SafeLoader):
    """YAML 1.2's core schema, as an editor's reader has it (https://yaml.org/spec/1.2.2/)."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


for kind, form in (
    ("null", r"null|Null|NULL|~|"),
    ("bool", r"true|True|TRUE|false|False|FALSE"),
    ("int", r"[-+]?[0-9]+"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"),
    ("merge", r"<<"),
):
    Core.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(rf"^({form})$"), None)
# PyYAML would read 0644 as octal, and refuse 089.
Core.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))


def plain(value: Any) -> Any:
    """Keys as text, as JSON has them."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def complaints(value: Any) -> list[str]:
    made = schema.site_schema()
    jsonschema.Draft7Validator.check_schema(made)
    found = jsonschema.Draft7Validator(made).iter_errors(plain(value))
    return [f"{error.json_path}: {error.message}" for error in found]


def read(text: str) -> Any:
    return yaml.load(text, Core)  # noqa: S506  # a SafeLoader


@pytest.mark.parametrize("name", MADE)
def test_it_is_as_committed(name: str, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--regenerate"):
        (CHECKOUT / name).write_text(MADE[name](), encoding="utf-8")
    committed = (CHECKOUT / name).read_text(encoding="utf-8")
    assert committed == MADE[name](), f"{name} is stale (rewrite with --regenerate)"


def test_the_command_prints_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    assert capsys.readouterr().out == schema.text()
    assert run(["schema", "--markdown"]) == 0
    assert capsys.readouterr().out == reference.text()


@pytest.mark.parametrize("file", SITES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_site_file_obeys(file: Path) -> None:
    assert complaints(read(file.read_text())) == []


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.name)
def test_editors_find_it(file: Path) -> None:
    first = file.read_text().splitlines()[0]
    match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert match, f"{file.name} does not begin with the line for editors"
    assert (file.parent / match[1]).resolve() == CHECKOUT / "docs" / "site.schema.json"


@pytest.mark.parametrize(("path", "value", "expected"), CASES, ids=lambda v: str(v)[:50])
def test_it_refuses_what_the_models_refuse(path: str, value: Any, expected: str) -> None:
    raw = copy.deepcopy(BASE)
    node = raw
    *parents, last = path.split(".")
    for part in parents:
        node = node[part]
    if value is None:
        del node[last]
    else:
        node[last] = value
    assert bool(complaints(raw)) is bool(expected and not UNSEEN.search(expected))


def with_guest_keys(line: str) -> Any:
    """The small site, where the guest says what is in ``line`` too."""
    site = read(SITE)
    site["guests"]["web"] |= read(line)
    return site


@pytest.mark.parametrize(
    "line",
    [
        "vcpu: 1",
        "vcpus: many",
        "vcpus: 0",
        "vcpus: 4097",
        "vcpus: 1.5",
        "vcpus: [1]",
        "power: on",
        "autostart: maybe",
        "autostart: 2",
        "allow: restart",
        "nics:",
        "nics: {n0: {network: nat, mac: 5}}",
        "cloud_init: {users: {a: {password: hunter2}}}",
        "cloud_init: {users: {a: {ssh_keys: [{}]}}}",
        "cloud_init: {users: {a: {ssh_keys: [{path: k.pub}]}}}",
    ],
)
def test_it_refuses_in_yaml(line: str) -> None:
    assert complaints(with_guest_keys("vcpus: 1")) == []
    assert complaints(with_guest_keys(line)) != []


@pytest.mark.parametrize(
    "line",
    [
        "vcpus: '1'",
        "autostart: off",
        "autostart: TRUE",
        "vcpus_max:",
        "description: 12",
        "description: true",
        "cloud_init: {packages: [012, 1.10], runcmd: [no, 3, 1.5]}",
        "cloud_init: {users: {a: {ssh_keys: [{file: k.pub}, ssh-rsa AAAA me]}}}",
        "cloud_init: {users: {a: {password: {secret: web}}}}",
        "cloud_init: {user_data: {timezone: UTC, write_files: [{path: /a}], swap: {size: 1}}}",
        "nics: {n0: {network: nat, mac: 52:54:00:12:34:56}}",
    ],
)
def test_it_takes_the_forms_of_yaml(line: str) -> None:
    assert complaints(with_guest_keys(line)) == []


def test_every_key_is_explained() -> None:
    made = schema.site_schema()
    models = {"Site": made, **made["definitions"]}
    bare = [
        f"{name}.{key}"
        for name, model in models.items()
        for shape in (model, *model.get("anyOf", ()))
        for key, field in shape.get("properties", {}).items()
        if "description" not in field
    ]
    assert bare == []
    assert set(made["properties"]) == set(Site.model_fields)


def test_a_changed_comment_reaches_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = meanings.EXAMPLE.read_text().replace("the host it runs on", "its | home", 1)
    (tmp_path / "example.yaml").write_text(text)
    monkeypatch.setattr(meanings, "EXAMPLE", tmp_path / "example.yaml")
    meanings.example.cache_clear()
    try:
        assert '"required: its | home"' in schema.text()
        row = "| `host` | text | required | a-z, 0-9 and inner '-', up to 63 | its \\| home |"
        assert row in reference.text()
    finally:
        meanings.example.cache_clear()


def test_without_the_example_there_is_no_schema(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in an installed package, which has no stacks."""
    monkeypatch.setattr(meanings, "EXAMPLE", Path("/nowhere/example.site.yaml"))
    assert run(["schema"]) == 7
    assert capsys.readouterr().err == (
        "error: /nowhere/example.site.yaml: the annotated example is not there\n"
        "  hint: run it in a checkout of guesthouse, or take its docs/site.schema.json\n"
    )
