"""The seed: the same bytes every time, secrets as hashes only, readable as NoCloud."""

from __future__ import annotations

import io
import subprocess
import time

import pycdlib
import pytest

from guesthouse.errors import RefusedError
from guesthouse.provider.seed import fill, password_hash, seed_iso

FILES = {
    "meta-data": 'instance-id: "x"\n',
    "user-data": "#cloud-config\npasswd: @@password_hash:web_password@@\n",
    "network-config": "version: 2\n",
}
SECRETS = {"web_password": "correct horse"}


def test_the_same_files_give_the_same_bytes_at_any_time() -> None:
    first = seed_iso(FILES, SECRETS, "salt")
    time.sleep(1.1)
    assert seed_iso(FILES, SECRETS, "salt") == first


def test_the_seed_holds_the_files_under_their_names() -> None:
    iso = pycdlib.PyCdlib()
    iso.open_fp(io.BytesIO(seed_iso(FILES, SECRETS, "salt")))
    assert iso.pvd.volume_identifier.decode().strip() == "cidata"
    found = {}
    for name in FILES:
        output = io.BytesIO()
        iso.get_file_from_iso_fp(output, joliet_path=f"/{name}")
        found[name] = output.getvalue().decode()
    assert found["meta-data"] == FILES["meta-data"]
    assert found["user-data"].startswith("#cloud-config\npasswd: $6$")


def test_the_password_itself_is_nowhere_in_the_seed() -> None:
    assert b"correct horse" not in seed_iso(FILES, SECRETS, "salt")


def test_the_hash_is_one_that_the_system_accepts() -> None:
    found = password_hash("correct horse", "salt")
    salt = found.split("$")[2]
    again = subprocess.run(
        ["openssl", "passwd", "-6", "-salt", salt, "correct horse"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.strip() == found


def test_a_secret_without_a_value_is_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        fill("@@password_hash:other@@", SECRETS, "salt")
    assert str(caught.value) == (
        "secret other: has no value in the stack's configuration\n"
        "  hint: pulumi config set --secret other"
    )
