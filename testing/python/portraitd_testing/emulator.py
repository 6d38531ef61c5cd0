"""The emulator that tests call: a running one when PORTRAITD_URL names it, else one that ends with this process."""

from __future__ import annotations

import http.client
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Optional

from .app import App

# The emulator reads nothing from standard input; the shell beside it does, and ends it when this process is gone, also
# after SIGKILL: then the pipe's other end is closed.
_GUARD = (
    'exec 3<&0; "$@" </dev/null 3<&- & p=$!; { read -r _ <&3; kill $p; } >/dev/null 2>&1 & '
    "exec 3<&-; wait $p; s=$?; kill $! 2>/dev/null; exit $s"
)
_START_SECONDS = 20.0
_INSTALL = (
    "Install it from a checkout of portraitd (cargo install --locked --path crates/portraitd) so that PATH has it, "
    "or name the program in PORTRAITD_BINARY, or name a running emulator in PORTRAITD_URL."
)
# Neither HTTP_PROXY nor HTTPS_PROXY is for the control API.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EmulatorError(RuntimeError):
    """The emulator is not there, or refused a control call. The text says what to do."""


class Emulator:
    """A portraitd emulator (`portraitd dev`)."""

    def __init__(self, url: str, token: Optional[str] = None) -> None:
        """Uses the emulator at `url`. `token` is its admin token, which callers on its own machine don't need."""
        self.url = url.rstrip("/")
        self.clock_was_moved = False
        self._token = token
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._stderr: Any = None

    @classmethod
    def start(cls) -> Emulator:
        """Reuses the emulator at PORTRAITD_URL (with PORTRAITD_ADMIN_TOKEN if it is on another machine), or starts one on
        free ports."""
        url = os.environ.get("PORTRAITD_URL")
        if url:
            emulator = cls(url, os.environ.get("PORTRAITD_ADMIN_TOKEN"))
            emulator.control("GET", "/clock")
            return emulator
        # PORTRAITD_SERVER_DATA, for one, would have it keep its data, and there are no throw-away apps then.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PORTRAITD_SERVER_")}
        command = [_binary(), "dev", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
        if os.name == "posix":
            command = ["sh", "-c", _GUARD, "sh", *command]
        stderr = tempfile.TemporaryFile()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=environment, start_new_session=True
        )
        lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=_read, args=(process, lines), daemon=True).start()
        try:
            said = json.loads(lines.get(timeout=_START_SECONDS))
        except (queue.Empty, ValueError):
            _end(process)
            raise EmulatorError(f"`portraitd dev` did not start: {_tail(stderr)}") from None
        emulator = cls(said["url"], said["admin_token"])
        emulator._process, emulator._stderr = process, stderr
        return emulator

    @property
    def started(self) -> bool:
        """Whether this object started it, so that `stop` ends it."""
        return self._process is not None

    def create_app(self, *, empty: bool = False, webhook: bool = False, like: Optional[int] = None) -> App:
        """Makes an app like the one that `dev` made (or the app `like`): `empty` leaves the sample accounts out, `webhook`
        sends its changes to the emulator's own webhook receiver."""
        body = {"empty": empty, "webhook": webhook, **({} if like is None else {"like": like})}
        made = self.control("POST", "/apps", body=body)
        return App(self.url, made["sdkappid"], made["key"], made["admin"], made["usersig"], self)

    def control(
        self, method: str, path: str, *, query: Any = None, body: Any = None, timeout: float = 30
    ) -> Any:
        """Calls the control API, below `/_portraitd`, and returns its JSON."""
        url = f"{self.url}/_portraitd{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with _OPENER.open(request, timeout=timeout) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise EmulatorError(f"{method} {url} was refused: {error.code} {error.read().decode()}") from None
        except (OSError, http.client.HTTPException) as error:
            raise EmulatorError(self._gone(error)) from error
        try:
            return json.loads(text) if text else None
        except ValueError:
            raise EmulatorError(f"{url} is no portraitd emulator: {text[:100]!r}") from None

    def stop(self) -> None:
        """Ends the emulator if `start` started it; a reused one goes on."""
        if self._process is not None:
            _end(self._process)

    def _gone(self, why: Exception) -> str:
        if self._process is None:
            return (
                f"no portraitd emulator answers at {self.url}, which PORTRAITD_URL names: {why}. Start it "
                "(portraitd dev), or unset PORTRAITD_URL to have one started for the tests."
            )
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return f"the portraitd emulator at {self.url} runs, but does not answer: {why}"
        return f"the portraitd emulator at {self.url} has ended, exit code {code}: {_tail(self._stderr)}"


def _binary() -> str:
    named = os.environ.get("PORTRAITD_BINARY")
    if named:
        if shutil.which(named) is None:
            raise EmulatorError(f"PORTRAITD_BINARY is {named}, and that is no program. {_INSTALL}")
        return named
    found = shutil.which("portraitd")
    if found is None:
        raise EmulatorError(f"the program portraitd was not found. {_INSTALL}")
    return found


def _read(process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> None:
    """Reads on after the first line, so that the emulator never waits for a full pipe."""
    for line in process.stdout or ():
        lines.put(line)
    lines.put(b"")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    if os.name != "posix":
        process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(stderr: Any) -> str:
    stderr.seek(0)
    return stderr.read().decode(errors="replace").strip()[-2000:] or "it printed nothing"
