"""Free cloud-config: typed, held to cloud-init's own schema, refused where a field of ours is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from guesthouse.errors import SiteError
from guesthouse.model import CloudInit, Site
from guesthouse.model.first_boot import OURS
from guesthouse.sitefile import cloud_config, read

SITE = """\
site: test-1
hosts: {h: {libvirt_uri: "test:///default", memory_mib: 4096}}
pools: {p: {hosts: [h], path: /default-pool, existing: true}}
images: {i: {source: /i, sha256: "SHA"}}
guests:
  g:
    host: h
    memory_mib: 256
    disks: {root: {pool: p, image: i, size_gib: 1}}
    cloud_init:
      user_data:
""".replace("SHA", "0" * 64)
HERE = "guests.g.cloud_init.user_data"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def site(*lines: str) -> Site:
    Path("s.yaml").write_text(SITE + "".join(f"        {line}\n" for line in lines))
    return read(Path("s.yaml")).checked()


def user_data(*lines: str) -> dict[str, Any]:
    cloud_init = site(*lines).guests["g"].cloud_init
    assert cloud_init is not None
    return cloud_init.user_data


def wrong(*lines: str) -> str:
    with pytest.raises(SiteError) as caught:
        site(*lines)
    return str(caught.value)


def test_values_are_what_yaml_1_2_says_and_texts_stay_whole() -> None:
    assert user_data(
        "ntp: ",
        "write_files:",
        "  - path: /a",
        "    permissions: 0644",
        "    append: False",
        "    content: |",
        "      one",
        "        two ",
        "      ",
        "swap: {size: 536870912}",
        "keyboard: {layout: no, model: 'true'}",
        "no_ssh_fingerprints: true",
    ) == {
        "ntp": None,
        "write_files": [
            {"path": "/a", "permissions": "0644", "append": False, "content": "one\n  two \n"}
        ],
        "swap": {"size": 536870912},
        "keyboard": {"layout": "no", "model": "true"},
        "no_ssh_fingerprints": True,
    }


def test_elsewhere_scalars_stay_text_even_by_an_alias() -> None:
    text = SITE.replace("    memory_mib", "    description: &words true\n    memory_mib", 1)
    Path("s.yaml").write_text(f"{text}        ntp: {{enabled: *words}}\n")
    made = read(Path("s.yaml")).checked()
    assert made.guests["g"].description == "true"
    assert made.guests["g"].cloud_init == CloudInit(user_data={"ntp": {"enabled": True}})


def test_every_problem_is_at_its_place() -> None:
    assert wrong(
        "ntp:",
        "  enabled: maybe",
        "  poolz: [a]",
        "write_files:",
        "  - {content: x, encoding: base65}",
        "  - {path: 5}",
        "timezone: [UTC]",
        "growpart: {mode: hm}",
        "bootcmd: [{a: b}]",
        "mounts: []",
        # Two of the schema's modules know this one.
        "fqdn: [a]",
    ) == (
        f"s.yaml:13:11 {HERE}.ntp.enabled: not true or false, got 'maybe'\n"
        f"s.yaml:14:11 {HERE}.ntp.poolz: unknown key, allowed 'allow', 'config', 'enabled', "
        "'ntp_client', 'peers', 'pools', 'servers'\n  hint: did you mean 'pools'?\n"
        f"s.yaml:16:13 {HERE}.write_files.0.path: is required\n"
        f"s.yaml:16:26 {HERE}.write_files.0.encoding: unknown value, got 'base65', allowed 'gz', "
        "'gzip', 'gz+base64', 'gzip+base64', 'gz+b64', 'gzip+b64', 'b64', 'base64', 'text/plain'\n"
        f"s.yaml:17:14 {HERE}.write_files.1.path: not a text, got 5\n"
        f"s.yaml:18:9 {HERE}.timezone: not a text, got a list\n"
        f"s.yaml:19:20 {HERE}.growpart.mode: fits no form that cloud-init knows, got 'hm', "
        "allowed 'auto', 'growpart', 'gpart', 'off', false\n"
        f"s.yaml:20:19 {HERE}.bootcmd.0: fits no form that cloud-init knows, got a mapping, "
        "allowed a list, a text\n"
        f"s.yaml:21:9 {HERE}.mounts: breaks the rule minItems: 1 of cloud-init's schema, "
        "got a list\n"
        f"s.yaml:22:9 {HERE}.fqdn: not a text, got a list"
    )


def test_an_unknown_module_is_one_problem() -> None:
    found = wrong("timezon: UTC")
    assert found.startswith(f"s.yaml:12:9 {HERE}.timezon: unknown key, allowed 'allow_public_")
    assert found.endswith("\n  hint: did you mean 'timezone'?")
    assert len(found.splitlines()) == 2


def test_what_may_be_a_secret_is_not_shown() -> None:
    assert wrong("rh_subscription: {username: me, password: [hunter2, 5]}") == (
        f"s.yaml:12:41 {HERE}.rh_subscription.password: not a text"
    )


def test_a_key_that_we_write_is_refused_with_the_field_for_it() -> None:
    found = wrong("runcmd: [a]", "hostname: other", "chpasswd: {expire: false}")
    what = "guesthouse writes this key itself"
    assert found == (
        f"s.yaml:12:9 {HERE}.runcmd: {what}\n"
        "  hint: declare it as guests.g.cloud_init.runcmd\n"
        f"s.yaml:13:9 {HERE}.hostname: {what}\n  hint: take it away\n"
        f"s.yaml:14:9 {HERE}.chpasswd: {what}\n"
        "  hint: declare it as guests.g.cloud_init.users.NAME.password: {secret: NAME}"
    )


def test_every_key_of_the_rendered_cloud_config_is_ours() -> None:
    folder = Path(__file__).parents[2] / "templates" / "guest"
    lines = (folder / "user-data.j2").read_text().splitlines()
    keys = {line.partition(":")[0] for line in lines if line[:1].isalpha()}
    assert keys >= {"hostname", "users", "packages", "runcmd"}
    assert keys - OURS.keys() == set()


def test_without_the_schema_the_way_to_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path.cwd()))
    assert wrong("timezone: UTC") == (
        f"s.yaml:11:7 {HERE}: can't be checked, cloud-init's schema is missing\n"
        "  hint: make setup (it fetches the schema)"
    )


def test_a_site_without_user_data_needs_no_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path.cwd()))
    Path("s.yaml").write_text(SITE.replace("      user_data:\n", "      on_change: rerun\n"))
    assert read(Path("s.yaml")).problems == ()


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, float("nan"), object()])
def test_python_may_give_only_what_yaml_can_say(value: object) -> None:
    with pytest.raises(ValueError, match="holds more than texts, numbers, lists and mappings"):
        CloudInit(user_data={"a": [value]})


def test_the_schema_is_read_once_for_many_guests(monkeypatch: pytest.MonkeyPatch) -> None:
    made = site("timezone: UTC")
    many = made.model_copy(
        update={"guests": {f"g{index}": made.guests["g"] for index in range(50)}}
    )
    before = cloud_config._validator.cache_info().misses
    assert list(cloud_config.problems(many)) == []
    assert cloud_config._validator.cache_info().misses == before
