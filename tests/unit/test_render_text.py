"""What a user writes comes back from the documents as he wrote it, and adds nothing to them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from lxml import etree

import cases
from guesthouse.display import NOT_IN_TEXT
from guesthouse.model import CloudInit, SshKey, User
from guesthouse.model.guest import SecretName
from guesthouse.placement import GuestPlan
from guesthouse.render import guest_document
from guesthouse.render.templates import render, yaml_flow
from guesthouse.render.xml import canonical

GUEST = cases.site_plan("reference").guests["web"]
KEY = SshKey(key="ssh-ed25519 AAAA comment")
# All that YAML can hold: no lone surrogates.
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
# All that XML can hold as it is (https://www.w3.org/TR/xml/#charsets); CR becomes LF by its rules.
XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n")
)
# What a user may write: all letters that can be seen.
HIDDEN = re.compile(f"[{NOT_IN_TEXT}]")
FRAGMENTS = st.sampled_from(
    ["<", ">", "&", "'", '"', "]]>", "<!--", "&lt;", "{{", "{%", "@@", "\n", "\\", ": ", "- ", "#"]
)
NASTY = st.lists(FRAGMENTS | XML_TEXT).map("".join)
SEEN = (ANY_TEXT | NASTY).map(lambda text: HIDDEN.sub("", text))
SEEN_LINE = SEEN.map(lambda text: text.translate({ord("\n"): None, ord("\t"): None}))


def with_cloud_init(**fields: Any) -> GuestPlan:
    """The reference guest with another first boot; models are checked as a site file's are."""
    return dataclasses.replace(GUEST, cloud_init=CloudInit(**fields))


def user_data(**fields: Any) -> dict[str, Any]:
    """The user-data of a guest, as cloud-init's YAML reader sees it."""
    text = guest_document(with_cloud_init(**fields)).seed["user-data"]
    assert text.startswith("#cloud-config\n")
    values: dict[str, Any] = yaml.safe_load(text)
    return values


def elements(xml: str) -> list[tuple[str, dict[str, str]]]:
    """The tags and attributes of a document, in order, without texts."""
    return [(str(e.tag), dict(e.attrib)) for e in etree.fromstring(xml).iter()]


@given(NASTY)
@example("")
@example("{{ guest.uuid }}</description><on_crash>destroy</on_crash><description>")
def test_a_description_comes_back_and_adds_no_element(text: str) -> None:
    document = guest_document(dataclasses.replace(GUEST, description=text)).domain_xml
    assert (etree.fromstring(document).findtext("description") or "") == text
    plain = guest_document(dataclasses.replace(GUEST, description="x" if text else "")).domain_xml
    assert elements(document) == elements(plain)


@given(NASTY.map(lambda text: f"/{text}".translate({ord("\n"): None, ord("\t"): None})))
def test_a_path_comes_back_and_adds_no_attribute(path: str) -> None:
    plan = dataclasses.replace(GUEST, seed_path=path, serial_log=path)
    tree = etree.fromstring(guest_document(plan).domain_xml)
    assert tree.xpath("string(devices/disk[readonly]/source/@file)") == path
    assert tree.xpath("string(devices/serial/log/@file)") == path
    tags = [tag for tag, _ in elements(etree.tostring(tree, encoding="unicode"))]
    assert tags == [tag for tag, _ in elements(guest_document(GUEST).domain_xml)]


@given(st.lists(SEEN, min_size=1))
@example(["\U0001f600 \ufeff \xa0 \t \n"])
@example(["'\nusers: [{name: evil}]\n'", "yes", "~", "0x10", "1e3", "12:34:56"])
def test_commands_come_back_and_add_no_key(lines: list[str]) -> None:
    kept = list(CloudInit(runcmd=tuple(lines)).runcmd)
    values = user_data(runcmd=tuple(lines))
    assert values.pop("runcmd") == kept
    assert values == user_data(runcmd=())


@given(SEEN_LINE)
def test_a_shell_comes_back_and_gives_no_rights(shell: str) -> None:
    user = User(shell=shell)
    assert user_data(users={"admin": user})["users"] == [
        {"name": "admin", "shell": user.shell, "lock_passwd": True}
    ]


@given(SEEN_LINE.map(lambda text: f"{KEY.key} {text}"))
@example(f"{KEY.key}: # {{{{ all }}}} 'of' \"it\"")
def test_a_key_with_its_comment_comes_back(text: str) -> None:
    key = SshKey(key=text)
    (user,) = user_data(users={"admin": User(ssh_keys=(key,))})["users"]
    assert user["ssh_authorized_keys"] == [key.key]


def texts(value: Any) -> Iterator[str]:
    """Every text in plain values, keys too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from (*texts(key), *texts(item))
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


@given(st.lists(st.sampled_from(["@", "@@", "@@password_hash:web@@", "web", "\\", ":"])))
def test_only_a_secret_makes_a_hole(parts: list[str]) -> None:
    nasty = "".join(parts)
    users = {"admin": User(password=SecretName(secret="web"), shell=nasty)}  # noqa: S106
    plan = with_cloud_init(runcmd=(nasty,), users=users)
    text = guest_document(plan).seed["user-data"]
    assert text.count("@@") == 2
    assert '    hashed_passwd: "@@password_hash:web@@"\n' in text
    assert nasty in texts(yaml.safe_load(text))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_yaml_flow_reads_back_in_both_parsers(text: str) -> None:
    assert yaml.load(f"a: {yaml_flow(text)}", yaml.CSafeLoader) == {"a": text}
    assert yaml.load(f"a: {yaml_flow(text)}", yaml.SafeLoader) == {"a": text}


def test_yaml_flow_is_for_people_too() -> None:
    readable = "größer > 'kleiner' & \u2014 日本\uff0c 😀"
    assert yaml_flow(readable) == f'"{readable}"'
    assert yaml_flow("\x00\x85\u2028\ufeff\n@@@") == (
        r'"\u0000\U00000085\U00002028\U0000feff\n@\x40@"'
    )


XML_NAMES = st.sampled_from(["a", "b", "c"])
XML_TREES = st.recursive(
    st.builds(lambda name, text: (name, text, []), XML_NAMES, XML_TEXT),
    lambda below: st.builds(lambda name, items: (name, "", items), XML_NAMES, st.lists(below)),
    max_leaves=12,
)


def _write(tree: tuple[str, str, list[Any]], blank: str) -> str:
    name, text, below = tree
    inner = "".join(_write(item, blank) + blank for item in below)
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<{name}>{blank if below else ''}{escaped}{inner}</{name}>"


@given(XML_TREES, st.sampled_from(["", "\n", "\n\t  ", "<!-- a note -->\n"]))
def test_canonical_is_idempotent_and_blind_to_layout(tree: Any, blank: str) -> None:
    once = canonical(_write(tree, blank))
    assert canonical(once) == once
    assert once == canonical(_write(tree, ""))


def test_canonical_has_one_element_per_line() -> None:
    assert canonical("<a><!-- why --><b x='1'/>\n\n<c>t</c></a>") == (
        '<a>\n  <b x="1"/>\n  <c>t</c>\n</a>\n'
    )


@pytest.mark.parametrize("case", cases.CASES)
def test_domains_are_canonical(case: str) -> None:
    for document in cases.guest_documents(case).values():
        assert canonical(document.domain_xml) == document.domain_xml


def test_a_name_that_a_template_does_not_know_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'object object' has no attribute 'host'"):
        render("host/bridge.netdev.j2", view=object())
