"""A throw-away app: accounts, faults and recorded calls that no other test sees."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import zlib
from dataclasses import dataclass, field
from typing import Any, Optional, Protocol

_DAYS_180 = 180 * 24 * 3600


def sign(sdkappid: int, key: str, user: str, expire: int = _DAYS_180, at: Optional[int] = None) -> str:
    """Returns a UserSig (version 2.0, HMAC-SHA256) for `user`, made at Unix second `at` and valid for `expire` seconds."""
    at = int(time.time()) if at is None else at
    text = f"TLS.identifier:{user}\nTLS.sdkappid:{sdkappid}\nTLS.time:{at}\nTLS.expire:{expire}\n"
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    document = {
        "TLS.ver": "2.0",
        "TLS.identifier": user,
        "TLS.sdkappid": sdkappid,
        "TLS.time": at,
        "TLS.expire": expire,
        "TLS.sig": base64.b64encode(digest).decode(),
    }
    packed = base64.b64encode(zlib.compress(json.dumps(document).encode())).decode()
    return packed.translate(str.maketrans("+/=", "*-_"))


class _Control(Protocol):
    """What an app needs of the emulator that it is in."""

    clock_was_moved: bool

    def control(
        self, method: str, path: str, *, query: Any = None, body: Any = None, timeout: float = 30
    ) -> Any:
        """Calls the control API and returns its JSON."""


@dataclass(frozen=True)
class App:
    """A throw-away app and its admin. `key` and `usersig` are left out of the representation."""

    url: str
    sdkappid: int
    key: str = field(repr=False)
    admin: str
    usersig: str = field(repr=False)
    _emulator: _Control = field(repr=False, compare=False)

    def sign(self, user: str, expire: int = _DAYS_180) -> str:
        """Returns a UserSig for `user`, by the emulator's clock."""
        now = self._emulator.control("GET", "/clock")["now_ms"] // 1000
        return sign(self.sdkappid, self.key, user, expire, now)

    def requests(self, **filters: Any) -> list[dict[str, Any]]:
        """Returns this app's recorded calls, oldest first. Filters: `command`, `user`, `code`, `after`, `limit`."""
        calls: list[dict[str, Any]]
        calls = self._emulator.control("GET", "/requests", query={**filters, "app": self.sdkappid})
        return calls

    def webhooks(self, count: int = 1, wait_ms: int = 5000) -> list[dict[str, Any]]:
        """Returns this app's webhook calls that the emulator received, once `count` came or `wait_ms` passed."""
        query = {"app": self.sdkappid, "count": count, "wait_ms": wait_ms}
        calls: list[dict[str, Any]]
        calls = self._emulator.control("GET", "/webhooks", query=query, timeout=wait_ms / 1000 + 10)
        return calls

    def add_fault(self, **rule: Any) -> int:
        """Makes this app's calls go wrong, for example `command="portrait_set", next=1, close="after"`; returns the
        rule's number. The members are those of docs/EMULATOR.md."""
        return int(self._emulator.control("POST", "/faults", body={**rule, "app": self.sdkappid})["id"])

    def advance(self, span: str) -> None:
        """Moves the emulator's clock, for example by `"181d"`. All apps share the clock, so run such a test alone; the
        fixture sets it back afterwards."""
        self._emulator.clock_was_moved = True
        self._emulator.control("PUT", "/clock", body={"advance": span})

    def delete(self) -> None:
        """Deletes the app with all that belongs to it, and sets the clock back if it was moved."""
        if self._emulator.clock_was_moved:
            self._emulator.control("DELETE", "/clock")
            self._emulator.clock_was_moved = False
        self._emulator.control("DELETE", f"/apps/{self.sdkappid}")
