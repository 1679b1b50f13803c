"""Texts and files of cloud-init that hold a secret, and those that only say where one is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from guesthouse.policy.first_boot import _secrets
from guesthouse.policy.registered import Registered
from guesthouse.policy.secrets import secret_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "a private key"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----", ""),
        ("git clone https://me:hunter2@example.org/a", "a password in a URL"),
        ("git clone https://me:$TOKEN@example.org/a", ""),
        ("curl http://example.org:8080/a@b", ""),
        ("export KEY=AKIAABCDEFGHIJKLMNOP", "an access token"),
        ("curl -H 'Authorization: Bearer 0123456789abc'", "an authorization header"),
        ('curl -H "Authorization: Bearer $TOKEN"', ""),
        ("echo 'root:hunter2' | chpasswd", "a password for chpasswd"),
        ('echo "root:$PW" | chpasswd', ""),
        ("curl -s -u me:hunter2 https://example.org", "a password of curl, wget or sshpass"),
        ("docker run -u 1000:1000 a", ""),
        ("sshpass -p hunter2 ssh a", "a password of curl, wget or sshpass"),
        ("MYSQL_ROOT_PASSWORD=hunter2", "a password, token or key"),
        ("api-key: 'abcdef'", "a password, token or key"),
        ("password=$(cat /run/p)", ""),
        ("password: /run/secrets/p", ""),
        ("PasswordAuthentication no", ""),
        ("tokens=5", ""),
        ("app --password no-way-jose", "a password, token or key"),
        ("password: no", ""),
        ("TOKEN=`cat /run/token`", ""),
        ("psql -c \"ALTER USER a PASSWORD 'hunter2'\"", "a password in SQL"),
        ("psql -c \"ALTER USER a PASSWORD '$PW'\"", ""),
    ],
)
def test_a_secret_is_told_from_a_reference(text: str, expected: str) -> None:
    assert secret_in(text) == expected


@pytest.mark.parametrize(
    "user_data",
    [
        {"write_files": [{"content": "cGFzc3dvcmQ9aHVudGVyMgo=", "encoding": "b64"}]},
        {"write_files": [{"content": "cGFzc3dvcmQ9aHVudGVyMgo=", "encoding": "base64"}]},
        {
            "write_files": [
                {
                    "content": "H4sIAAAAAAACAytILC4uzy9Ksc0ozStJLTLiAgBMjvpSEQAAAA==",
                    "encoding": "gz+b64",
                }
            ]
        },
        {"write_files": [{"content": {"db_password": "hunter2"}}]},
    ],
)
def test_a_packed_secret_is_found_and_never_shown(user_data: Mapping[str, Any]) -> None:
    values = {"seed": {"files": {"user-data": str(dict(user_data))}}}
    found = list(_secrets(Registered("Guest", "web1", values)))
    assert len(found) == 1
    assert found[0].where.startswith("guests.web1.cloud_init.user_data.write_files.0.content")
    assert "hunter2" not in str(found[0])
