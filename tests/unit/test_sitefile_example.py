"""The annotated example loads, and its comments agree with the models."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo

from guesthouse.model import BridgeNetwork, Site, SriovNetwork, VirtualNetwork
from guesthouse.model.values import Model
from guesthouse.sitefile import nodes, read
from guesthouse.sitefile.cloud_config import schema_file

EXAMPLE = Path(__file__).parents[2] / "stacks" / "example.site.yaml"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2ZIlCKHRrC1rAcBW1cvqWQ3gPtKHOJdOKYWpN3mfdb"
COMMENT = re.compile(r"# (required|default (?P<default>\S+)): \S")


def test_example_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(schema_file().parents[2]))
    monkeypatch.setenv("HOME", str(tmp_path))
    site = read(EXAMPLE).checked()
    admin = site.guests["web"].cloud_init.users["admin"]  # type: ignore[union-attr]
    assert [key.key for key in admin.ssh_keys] == [f"{KEY} me", f"{KEY} me@home", KEY]
    assert admin.ssh_keys[1].file == str(EXAMPLE.parent / "example.pub")
    assert site.images["debian13"].source == str(EXAMPLE.parent / "../images/debian13.qcow2")
    assert site.hosts["h1"].identity_file == str(tmp_path / ".ssh/id_ed25519")
    user_data = site.guests["web"].cloud_init.user_data  # type: ignore[union-attr]
    assert user_data["write_files"][0]["content"] == "Managed by Guesthouse.\n"
    assert site.guests["web"].nics["lan0"].mac == "52:54:00:12:34:56"


def test_every_field_is_there_with_its_default() -> None:
    lines = EXAMPLE.read_text().splitlines()
    root = nodes.compose(EXAMPLE.read_text(), "example")
    stated: dict[tuple[type[Model], str], str] = {}
    for model, node in _instances(Site, root):
        for key, _ in node.value:
            match = COMMENT.search(lines[key.start_mark.line])
            # A key inside "{...}" is explained at another place.
            own_line = lines[key.start_mark.line].lstrip(" -").startswith(f"{key.value}:")
            if own_line:
                assert match, f"{key.value}: no comment that says its default"
                stated[model, key.value] = match["default"] or "required"
    models = _models(Site)
    wanted = {(model, name): _default(field) for model in models for name, field in _fields(model)}
    assert stated == wanted


def _fields(model: type[Model]) -> Iterator[tuple[str, FieldInfo]]:
    yield from model.model_fields.items()


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    words: dict[Any, str] = {None: "none", (): "[]", "": '""', True: "true", False: "false"}
    if isinstance(value, dict | Model):
        return "{}"
    return (
        str(value)
        if isinstance(value, int) and value is not True and value is not False
        else (words.get(value) or str(value))
    )


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in typing.get_args(annotation):
        yield from _parts(part)


def _models(model: type[Model]) -> set[type[Model]]:
    found = {model}
    for _, field in _fields(model):
        for part in _parts(field.annotation):
            if isinstance(part, type) and issubclass(part, Model):
                found |= _models(part)
    return found


def _instances(model: type[Model], node: Any) -> Iterator[tuple[type[Model], nodes.MappingNode]]:
    if not isinstance(node, nodes.MappingNode):
        return
    yield model, node
    for key, value in node.value:
        annotation = model.model_fields[key.value].annotation
        inner = [p for p in _parts(annotation) if isinstance(p, type) and issubclass(p, Model)]
        if not inner:
            continue
        children = [value]
        for _ in [part for part in _parts(annotation) if typing.get_origin(part) is dict]:
            # Devices are by name, then by host.
            children = [child for node in children for _, child in node.value]
        if isinstance(value, nodes.SequenceNode):
            children = value.value
        for child in children:
            yield from _instances(_kind(inner, child), child)


def _kind(models: list[type[Model]], node: nodes.Node) -> type[Model]:
    if BridgeNetwork not in models:
        return models[0]
    kind = next(value.value for key, value in node.value if key.value == "kind")
    return {"bridge": BridgeNetwork, "sriov": SriovNetwork}.get(kind, VirtualNetwork)
