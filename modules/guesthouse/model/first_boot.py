"""What a guest's own cloud-config must not say, since fields of ours say it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from guesthouse.errors import Problem
from guesthouse.model.site import Site

_USERS = "users.NAME.ssh_keys"
_PASSWORD = "users.NAME.password: {secret: NAME}"  # noqa: S105
# Key of cloud-config -> the field below ``cloud_init`` that says it; empty: nobody is to.
OURS = {
    "users": "users",
    "user": "users",
    "ssh_authorized_keys": _USERS,
    "password": _PASSWORD,
    "chpasswd": _PASSWORD,
    "packages": "packages",
    "package_update": "packages",
    "runcmd": "runcmd",
    "hostname": "",
    "preserve_hostname": "",
    "disable_root": "",
    "ssh_pwauth": "",
    "updates": "",
    # They would keep the guest from what we say beside its user-data, and from a changed seed.
    "vendor_data": "",
    "manual_cache_clean": "",
}


def problems(site: Site) -> Iterator[Problem]:
    """Every key of ``cloud_init.user_data`` that Guesthouse writes itself."""
    for name, guest in site.guests.items():
        for key in guest.cloud_init.user_data if guest.cloud_init else ():
            if key in OURS:
                path = ("guests", name, "cloud_init", "user_data", key)
                field = f"guests.{name}.cloud_init.{OURS[key]}"
                hint = f"declare it as {field}" if OURS[key] else "take it away"
                what = "guesthouse writes this key itself"
                yield Problem(".".join(path), what, hint=hint, path=path)
