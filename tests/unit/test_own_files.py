"""Files of this machine are named by path: a URL is refused at check, not looked for as a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cases
from guesthouse.errors import SiteError
from guesthouse.model import Site, parse_site, rules
from guesthouse.placement import plan
from guesthouse.sitefile import read

SITE = """\
site: t
hosts:
  h1: {address: 192.0.2.1, host_keys: [ssh-ed25519 AAAA], identity_file: KEY}
images:
  small: {source: IMAGE, sha256: "%s"}
""" % ("0" * 64)
URLS = {
    "https://user:token@example.org/a.qcow2?sig=secret": "https",
    "HTTP://example.org/a.qcow2": "HTTP",
    "  ftp://example.org/a": "ftp",
    "file:///srv/a.qcow2": "file",
    "s3://bucket/a": "s3",
    "nbd+unix:///a?socket=b": "nbd+unix",
    "a://": "a",
}
PATHS = (
    "a.qcow2",
    "/srv/a.qcow2",
    "~/a.qcow2",
    "https:/a",
    "https",
    "a:b",
    "a//b",
    "/srv/https://a",
    "./https://a",
    "1a://b",
    "://a",
)


def said(where: str, scheme: str) -> str:
    return (
        f"{where}: is a URL, got '{scheme}://...', allowed a path on this machine\n"
        "  hint: download the file and give its path; nothing is fetched from a URL"
    )


def in_python(text: str) -> Site:
    raw = cases.site("plain").model_dump(mode="json", exclude_none=True)
    next(iter(raw["images"].values()))["source"] = text
    next(iter(raw["hosts"].values()))["identity_file"] = text
    return parse_site(raw)


def in_a_file(folder: Path, text: str) -> list[str]:
    file = folder / "a.site.yaml"
    # JSON is YAML.
    file.write_text(SITE.replace("KEY", json.dumps(text)).replace("IMAGE", json.dumps(text)))
    return [str(problem) for problem in read(file).problems]


@pytest.mark.parametrize("url", URLS)
def test_a_url_in_a_site_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert in_a_file(tmp_path, url) == [
        said("a.site.yaml:3:59 hosts.h1.identity_file", URLS[url]),
        said("a.site.yaml:5:11 images.small.source", URLS[url]),
    ]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_in_a_site_file_is_none(tmp_path: Path, path: str) -> None:
    assert in_a_file(tmp_path, path) == []


@pytest.mark.parametrize("url", URLS)
def test_a_url_from_python_is_refused(url: str) -> None:
    site = in_python(url)
    host, image = next(iter(site.hosts)), next(iter(site.images))
    expected = [
        said(f"images.{image}.source", URLS[url]),
        said(f"hosts.{host}.identity_file", URLS[url]),
    ]
    assert [str(problem) for problem in rules.problems(site)] == expected
    with pytest.raises(SiteError) as refused:
        plan(site, "p", "s")
    assert str(refused.value) == "\n".join(expected)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_from_python_is_none(path: str) -> None:
    assert rules.problems(in_python(path)) == []
