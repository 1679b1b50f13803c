"""The cases leave nothing out: every template and its every line, every field, every word of it.

A template or a model field that no case exercises is one that nobody has seen working.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from types import FrameType
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

import cases
from cases import CASES
from guesthouse.model import Site
from guesthouse.model.values import Model
from guesthouse.render import templates


def run_lines() -> dict[str, set[int]]:
    """Template -> the lines of its compiled code that ran while all cases were rendered."""
    seen: dict[str, set[int]] = defaultdict(set)

    def on_line(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            seen[frame.f_code.co_filename].add(frame.f_lineno)
        return on_line

    def on_call(frame: FrameType, _event: str, _: Any) -> Any:
        ours = frame.f_code.co_filename.startswith(str(templates.FOLDER))
        return on_line if ours else None

    cases.guest_documents.cache_clear()
    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        for case in CASES:
            cases.tree(case)
    finally:
        sys.settrace(before)
    return {file.removeprefix(f"{templates.FOLDER}/"): lines for file, lines in seen.items()}


def missed_lines(name: str, run: set[int]) -> list[int]:
    """The lines of a template whose code never ran; Jinja knows which code a line became."""
    code = templates.environment().get_template(name).debug_info
    return sorted({line for line, code_line in code if code_line not in run})


def test_every_template_is_rendered_and_its_every_line_is_run() -> None:
    names = {str(f.relative_to(templates.FOLDER)) for f in templates.FOLDER.rglob("*.j2")}
    run = run_lines()
    assert sorted(names - set(run)) == []
    missed = {name: missed_lines(name, run[name]) for name in names}
    assert {name: lines for name, lines in missed.items() if lines} == {}


def test_only_templates_are_in_their_folder() -> None:
    files = [file for file in templates.FOLDER.rglob("*") if file.is_file()]
    assert [str(file) for file in files if file.suffix != ".j2"] == []


def models(value: Any) -> Iterator[Model]:
    """Every model in a site, the site too."""
    if isinstance(value, Model):
        yield value
        for name in type(value).model_fields:
            yield from models(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from models(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from models(item)


def all_models(root: type[Model] = Model) -> set[type[Model]]:
    """Every model class that the room defines."""
    below = {model for kind in root.__subclasses__() for model in all_models(kind)}
    return {*root.__subclasses__(), *below}


def words(annotation: Any) -> set[Any]:
    """The words of a Literal, wherever it is in an annotation."""
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return {word for part in get_args(annotation) for word in words(part)}


def values_seen() -> dict[tuple[type[Model], str], list[Any]]:
    """(model, field) -> the values that the field has in the cases, given ones only."""
    seen: dict[tuple[type[Model], str], list[Any]] = defaultdict(list)
    for case in CASES:
        for model in models(cases.site(case)):
            for name in model.model_fields_set:
                seen[type(model), name].append(getattr(model, name))
    return seen


def each(values: list[Any]) -> set[Any]:
    """The values themselves, and the words in lists of words."""
    lists = [value for value in values if isinstance(value, tuple)]
    single = {value for value in values if isinstance(value, str)}
    return single | {word for words in lists for word in words if isinstance(word, str)}


def only_default(field: FieldInfo, values: list[Any]) -> bool:
    """Whether a field was never given, or only as what it is anyhow."""
    if len(words(field.annotation)) == 1 or field.is_required():
        return not values
    return all(value == field.get_default(call_default_factory=True) for value in values)


def test_every_field_has_another_value_than_its_default_somewhere() -> None:
    assert Site in all_models()
    seen = values_seen()
    assert [
        f"{model.__name__}.{name}"
        for model in sorted(all_models(), key=lambda model: model.__name__)
        for name, field in model.model_fields.items()
        if only_default(field, seen[model, name])
    ] == []


def test_every_word_of_a_choice_is_used_somewhere() -> None:
    seen = values_seen()
    unused = {
        f"{model.__name__}.{name}": sorted(
            words(field.annotation)
            - each(seen[model, name])
            - ({field.default} if isinstance(field.default, str) else set())
        )
        for model in all_models()
        for name, field in model.model_fields.items()
        if words(field.annotation)
    }
    assert {name: missing for name, missing in unused.items() if missing} == {}
