"""What a hostile guest agent answers: command -> raw text, by what is wrong with it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

DEEP = "[" * 100_000
HUGE = "9" * 100_000
LONG = "A" * (48 * 1024**2)
ESCAPES = "\x1b]52;c;aGk=\x07\x1b[2J"


def text(words: bytes) -> str:
    return base64.b64encode(words).decode()


# Each is an answer to every command; none of them is one that the agent's schema knows.
TO_ALL: Mapping[str, str] = {
    "nothing": "",
    "blanks": "  \n ",
    "no JSON": "hello",
    "half": '{"return": {"pid": ',
    "a list": "[]",
    "null": "null",
    "a word": '"return"',
    "a number": "7",
    "no return": "{}",
    "an error": '{"error": {"class": "GenericError", "desc": "no"}}',
    "return null": '{"return": null}',
    "return word": '{"return": "x"}',
    "return true": '{"return": true}',
    "return half": '{"return": 0.5}',
    "return NaN": '{"return": NaN}',
    "return -Infinity": '{"return": -Infinity}',
    "return 1e999": '{"return": 1e999}',
    "huge number": f'{{"return": {HUGE}}}',
    "negative": '{"return": -1}',
    "deep lists": DEEP,
    "deep lists, closed": f'{{"return": {DEEP}{"]" * 100_000}}}',
    "deep mappings": '{"return": ' * 100_000,
    "lone surrogate": '{"return": "\\ud800"}',
    "raw surrogate": '{"return": "\udc80"}',
    "NUL": '{"return": "\x00"}',
    "terminal escapes": f'{{"return": "{ESCAPES}"}}',
    "long": f'{{"return": "{LONG}"}}',
    "long blanks": " " * (48 * 1024**2),
    "list of lists": '{"return": [[]]}',
    "list of null": '{"return": [null, null]}',
    "another object": '{"return": [{"a": 1}]}',
    "duplicate keys": '{"return": {"pid": 1}, "return": null}',
}
# Answers to one command, that look right but for one thing.
TO_ONE: Mapping[str, Mapping[str, object]] = {
    "file-open": {
        "bool for int": True,
        "text for int": "5",
        "negative handle": -5,
        "2^64": 2**64,
        "mapping": {},
    },
    "file-read": {
        "no data": {"count": 3, "eof": True},
        "null data": {"buf-b64": None},
        "list for data": {"buf-b64": ["QQ=="]},
        "number for data": {"buf-b64": 7},
        "bad base64": {"buf-b64": "A"},
        "no ASCII": {"buf-b64": "ä" * 8},
        "2 MiB": {"buf-b64": "A" * 2 * 1024**2},
        "list": ["buf-b64"],
    },
    "exec": {
        "no pid": {},
        "null pid": {"pid": None},
        "bool pid": {"pid": True},
        "negative pid": {"pid": -1},
        "huge pid": {"pid": 10**400},
        "list": ["pid"],
    },
    "exec-status": {
        "no exited": {"exitcode": 0},
        "null exited": {"exited": None},
        "word exited": {"exited": "yes"},
        "word code": {"exited": True, "exitcode": "0"},
        "huge code": {"exited": True, "exitcode": 10**400},
        "null code": {"exited": True, "exitcode": None},
        "bad base64": {"exited": True, "exitcode": 0, "out-data": "A"},
        "number out": {"exited": True, "exitcode": 0, "out-data": 1},
        "list err": {"exited": True, "exitcode": 0, "err-data": []},
        "long out": {"exited": True, "exitcode": 0, "out-data": "A" * 3 * 1024**2},
    },
    "get-vcpus": {
        "mapping": {},
        "no online": [{"logical-id": 0}],
        "word online": [{"logical-id": 0, "online": "yes"}],
        "number online": [{"logical-id": 0, "online": 10**9}],
        "no id": [{"online": False}],
        "negative id": [{"logical-id": -1, "online": False}],
        "many": [{"logical-id": 0, "online": True}] * 5000,
    },
    "get-memory-blocks": {
        "mapping": {},
        "no online": [{"phys-index": 0}],
        "no index": [{"online": False}],
        "words": ["a", "b"],
    },
}
ODD = {name: ("", answer) for name, answer in TO_ALL.items()}
ODD |= {
    f"{command}: {name}": (command, json.dumps({"return": answer}))
    for command, answers in TO_ONE.items()
    for name, answer in answers.items()
}
# The harmless twins.
RIGHT: Mapping[str, str] = {
    command: json.dumps({"return": answer})
    for command, answer in {
        "ping": {},
        "file-open": 1000,
        "file-read": {"count": 2, "buf-b64": text(b"so"), "eof": True},
        "file-close": {},
        "exec": {"pid": 7},
        "exec-status": {"exited": True, "exitcode": 3, "out-data": text(b"so \xff")},
        "get-vcpus": [
            {"logical-id": 0, "online": True, "can-offline": False},
            {"logical-id": 1, "online": True, "can-offline": True},
        ],
        "set-vcpus": 1,
        "get-memory-blocks": [{"phys-index": 3, "online": False, "can-offline": True}],
        "set-memory-blocks": [{"phys-index": 3, "response": "success"}],
    }.items()
}
