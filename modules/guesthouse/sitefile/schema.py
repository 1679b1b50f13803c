"""The JSON schema of site files, for editors: the models' own, in the forms that YAML has.

The models take text everywhere. An editor's YAML reader makes numbers and truths of plain scalars
before it asks the schema (YAML 1.2, https://yaml.org/spec/1.2.2/#103-core-schema), so these are
allowed where the text would be. Names that lead nowhere and addresses are for `guesthouse check`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from guesthouse.model import Site
from guesthouse.model.forms import form
from guesthouse.sitefile.meanings import SITE, Meaning, Schema, meanings

# What yaml-language-server takes whole (https://github.com/redhat-developer/yaml-language-server).
DIALECT = "http://json-schema.org/draft-07/schema#"

# Pydantic reads these texts as numbers and truths (https://docs.pydantic.dev, conversion table).
_WHOLE_NUMBER = r"^[+-]?[0-9]+(_[0-9]+)*$"
_TRUTHS = ("true", "false", "on", "off", "yes", "no", "t", "f", "y", "n", "1", "0")
_TRUTH = f"^({'|'.join(form for word in _TRUTHS for form in (word, word.upper(), word.title()))})$"
# Plain scalars that YAML 1.2 makes numbers and truths of; a pattern that none of them fits is one
# of texts only.
_NUMBERS = ("0", "1", "12", "0644", "1.5", "0" * 64, "00000000")
# Keywords that mean the same in both forms.
_KEPT = ("minProperties", "maxProperties", "minItems", "maxItems", "minimum", "maximum")


def models_schema() -> Schema:
    """The schema of the models as they are, as pydantic makes it."""
    made = Site.model_json_schema(ref_template="#/definitions/{model}")
    made["definitions"] = made.pop("$defs")
    return made


def site_schema() -> Schema:
    """The schema of a site file."""
    models = models_schema()
    told = meanings(models)
    return {
        "$schema": DIALECT,
        "$comment": "Made by `guesthouse schema` from the models; not to be edited.",
        "title": "Guesthouse site file",
        **_model(SITE, models, told),
        "definitions": {
            name: _ssh_key(_model(name, model, told))
            if name == "SshKey"
            else _model(name, model, told)
            for name, model in models["definitions"].items()
        },
    }


def text() -> str:
    """The schema of a site file as JSON text, the same every time."""
    return json.dumps(site_schema(), indent=1, ensure_ascii=False) + "\n"


def paragraphs(docstring: str) -> str:
    """A docstring as Markdown without its line breaks; paragraphs stay."""
    whole = "\n\n".join(" ".join(part.split()) for part in docstring.split("\n\n"))
    return whole.replace("``", "`")


def _model(name: str, model: Schema, told: dict[tuple[str, str], Meaning]) -> Schema:
    properties = {}
    for key, field in model["properties"].items():
        properties[key] = _yaml_form(field)
        if (name, key) in told:
            properties[key]["description"] = str(told[name, key])
        default = field.get("default")
        if default is not None and not isinstance(default, dict):
            properties[key]["default"] = default
    made = {
        "description": paragraphs(model["description"]),
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    return {**made, "required": model["required"]} if model.get("required") else made


def _ssh_key(model: Schema) -> Schema:
    """A key is text, or a file that the text is read from."""
    text = {**model["properties"]["key"], "description": model["description"]}
    # One of the two is enough: the file brings the key.
    either = {**{k: v for k, v in model.items() if k != "required"}, "minProperties": 1}
    return {"description": model["description"], "anyOf": [text, either]}


def _yaml_form(node: Schema) -> Schema:
    """A schema of a value, as the value is in YAML."""
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    for choice in ("anyOf", "oneOf"):
        if choice in node:
            return _choice(choice, [_yaml_form(option) for option in node[choice]])
    if "enum" in node or "const" in node:
        return {"type": "string", "enum": node.get("enum") or [node["const"]]}
    kind = node.get("type")
    kept = {key: node[key] for key in _KEPT if key in node}
    if kind == "integer":
        return {"type": ["integer", "string"], **kept, **_pattern(_WHOLE_NUMBER, "a whole number")}
    if kind == "boolean":
        numbers = {"minimum": 0, "maximum": 1}
        return {
            "type": ["boolean", "string", "integer"],
            **numbers,
            **_pattern(_TRUTH, "true or false"),
        }
    if kind == "string":
        return _text(node)
    if kind == "array":
        return {"type": "array", "items": _yaml_form(node["items"]), **kept}
    if kind == "object":
        return {"type": "object", **_entries(node), **kept}
    return {"type": kind} if kind else {}


def _pattern(pattern: str, words: str) -> Schema:
    # The second one is the language server's: what it says in place of the pattern.
    return {"pattern": pattern, "patternErrorMessage": f"not of the right form: {words}"}


def _text(node: Schema) -> Schema:
    pattern = node.get("pattern")
    kinds = ["string"]
    if pattern is None or any(re.search(pattern, number) for number in _NUMBERS):
        kinds.append("number")
    if pattern is None or re.search(pattern, "true"):
        kinds.append("boolean")
    made: Schema = {"type": kinds if len(kinds) > 1 else "string"}
    made |= {key: node[key] for key in ("minLength", "maxLength") if key in node}
    return made | (_pattern(pattern, form(pattern)) if pattern else {})


def _choice(keyword: str, options: list[Schema]) -> Schema:
    """One of several; "or nothing" is only another type, which keeps an editor's messages short."""
    others = [option for option in options if option != {"type": "null"}]
    if len(others) == len(options) or len(others) > 1:
        return {keyword: options}
    (only,) = others
    if "type" not in only or "enum" in only:
        return {keyword: options}
    kinds = only["type"] if isinstance(only["type"], list) else [only["type"]]
    return {**only, "type": [*kinds, "null"]}


def _entries(node: Schema) -> Schema:
    """The entries of a mapping by name: keys of another form are refused, as the models do."""
    named: dict[str, Any] = node.get("patternProperties", {})
    others = node.get("additionalProperties")
    if isinstance(others, dict):
        # The only names without a pattern are numbers.
        named = {"^[0-9]+$": others}
    elif not named:
        return {}
    made = {pattern: _yaml_form(value) for pattern, value in named.items()}
    return {"patternProperties": made, "additionalProperties": False}
