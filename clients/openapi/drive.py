"""The OpenAPI documents, as a running server has them: they pass a validator, their examples work, and a schema-driven fuzz
run finds no 5xx and no answer outside the schema, for each kind of caller. The same for the control API, whose document is
made of its list of resources. Bounded: a fixed seed, a few examples of each kind (`PORTRAITD_EXAMPLES`)."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections import deque
from pathlib import Path

import control
from openapi_spec_validator import validate

PORTRAITD = os.environ["PORTRAITD"]
CHECKS = ",".join([
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
])
# Enough where only the caller differs.
WITHOUT_CHANCE = "examples,coverage"
# Without a backup there is no job, and in memory there is nothing to back up.
NO_JOBS = {"GET /admin/v1/jobs/{id}"}
NEVER_GOOD = {"POST /admin/v1/backup", *NO_JOBS}


def ask(url, body=None, token=None):
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode())
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def check_examples(url, document, query):
    for path, item in document["paths"].items():
        media = item["post"]["requestBody"]["content"]["application/json"]
        answer = ask(f"{url}{path}?{query}", media["example"])
        assert answer["ErrorCode"] == 0, (path, answer)


def fuzz(what, document, *options, phases="examples,coverage,fuzzing", token=None, **variables):
    """Runs schemathesis; returns the operations and the statuses that each was answered with."""
    if token:
        options += ("--header", f"Authorization: Bearer {token}")
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(document), "--checks", CHECKS, "--seed", "1",
               "--phases", phases, "--max-examples", os.environ.get("PORTRAITD_EXAMPLES", "8"),
               "--no-color", *options]
    with tempfile.NamedTemporaryFile() as answers:
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PORTRAITD_ANSWERS": answers.name, **variables}
        ended = subprocess.run(command, env=environment, cwd=Path(__file__).parent, capture_output=True, text=True)
        lines = Path(answers.name).read_text().splitlines()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    print(what, [line.strip() for line in ended.stdout.splitlines() if "generated," in line])
    statuses = {}
    for line in lines:
        label, status = line.split("\t")
        statuses.setdefault(label, set()).add(int(status))
    return statuses


def never(statuses, wanted):
    """The operations that were never answered with a status of this class."""
    return {label for label, found in statuses.items() if not any(status // 100 == wanted for status in found)}


@contextlib.contextmanager
def running(*options, stream="stdout", **more):
    """A portraitd, with what it prints of itself. Its log goes nowhere: a fuzz run fills it with warnings."""
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: subprocess.PIPE}
    server = subprocess.Popen([PORTRAITD, *options], text=True, **streams, **more)
    try:
        lines = getattr(server, stream)
        described = json.loads(next(line for line in lines if '"url"' in line))
        # Read on, or the server waits when the pipe is full.
        threading.Thread(target=deque, args=(lines, 0), daemon=True).start()
        yield described
        assert server.poll() is None, "the server ended"
    finally:
        server.terminate()
        server.wait()


def drive_emulator(server):
    url, admin, usersig, app, token = (server[name] for name in ("url", "admin_url", "usersig", "sdkappid", "admin_token"))
    os.environ.update(
        PORTRAITD_SDKAPPID=str(app), PORTRAITD_RECEIVER=f"{url}/_portraitd/webhooks/fuzz", PORTRAITD_TOKEN=token,
    )
    public_document = ask(f"{url}/openapi.json")
    for document in (public_document, ask(f"{admin}/openapi.json")):
        validate(document)
        print(document["info"]["title"], "is valid")
    check_examples(url, public_document, f"sdkappid={app}&identifier=administrator&usersig={usersig}")
    print("the examples work")
    fuzz("public", f"{url}/openapi.json", PORTRAITD_USERSIG=usersig)
    fuzz("public, without a UserSig", f"{url}/openapi.json")
    viewer = ask(f"{admin}/admin/v1/tokens", {"name": "fuzz-viewer", "role": "viewer"}, token)["token"]
    refused = fuzz("admin, as a viewer", f"{admin}/openapi.json", phases=WITHOUT_CHANCE, token=viewer)
    assert 403 in refused["POST /admin/v1/tokens"] & refused["PUT /admin/v1/apps/{app}/words"], refused
    answered = fuzz(
        "admin", f"{admin}/openapi.json", token=token,
        PORTRAITD_WEBHOOK=f"{admin}/admin/v1/apps/{app}/webhook",
    )
    assert never(answered, 2) == NEVER_GOOD, {name: answered[name] for name in never(answered, 2)}
    drive_control(url)


def drive_control(url):
    document = control.document(url, ask(f"{url}/_portraitd/")["resources"])
    validate(document)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        answered = fuzz("control", file.name, "--url", url)
    # Which apps and rules there are can't be told from the documents.
    assert never(answered, 2) == {"DELETE /_portraitd/apps/{app}", "DELETE /_portraitd/faults/{id}"}, answered


def drive_console(data, server):
    """As the console calls it, in Chinese, of a server with a data directory: with a session's secret instead of a token."""
    admin, token = server["admin_url"], (data / "admin.token").read_text().strip()
    session = ask(f"{admin}/admin/v1/session", {}, token)["session"]
    # One ends the session of this run, the other writes where the fuzzer wants.
    left_out = [option for name in ("delete_session", "post_backup") for option in ("--exclude-operation-id", name)]
    answered = fuzz(
        "admin, with a session", f"{admin}/openapi.json", *left_out, "--header", "Accept-Language: zh",
        phases=WITHOUT_CHANCE, token=session,
    )
    # A server sends no webhook to a private address, unless its operator allows it.
    webhook = "/admin/v1/apps/{app}/webhook"
    # Nor is there an app that may be deleted.
    unanswered = {f"PUT {webhook}", f"DELETE {webhook}", f"POST {webhook}/test", "DELETE /admin/v1/apps/{app}", *NO_JOBS}
    assert never(answered, 2) == unanswered, never(answered, 2)


def main():
    listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
    with running("dev", "--json", *listen) as server:
        drive_emulator(server)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        subprocess.run([PORTRAITD, "app", "create", "1400000000", "--data", data], check=True, stdout=subprocess.DEVNULL)
        with running("serve", "--data", data, *listen, "--log-format", "json", stream="stderr") as server:
            drive_console(data, server)


main()
