"""Both OpenAPI documents, as a running server has them: they pass a validator, their examples work, and a schema-driven
fuzz run finds no 5xx and no answer outside the schema. Bounded: a fixed seed, a few examples of each kind."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

from openapi_spec_validator import validate

CHECKS = ",".join([
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
])


def ask(url, body=None):
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def check_examples(url, document, query):
    for path, item in document["paths"].items():
        media = item["post"]["requestBody"]["content"]["application/json"]
        answer = ask(f"{url}{path}?{query}", media["example"])
        assert answer["ErrorCode"] == 0, (path, answer)


def fuzz(document, *options, usersig=""):
    command = [sys.executable, "-m", "schemathesis.cli", "run", document, "--checks", CHECKS, "--seed", "1",
               "--phases", "examples,coverage,fuzzing", "--max-examples", os.environ.get("PORTRAITD_EXAMPLES", "8"),
               "--no-color", *options]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PORTRAITD_USERSIG": usersig}
    ended = subprocess.run(command, env=environment, cwd=Path(__file__).parent, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    print([line.strip() for line in ended.stdout.splitlines() if "generated" in line])


def main():
    server = subprocess.Popen(
        [os.environ["PORTRAITD"], "dev", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE, text=True,
    )
    try:
        drive(json.loads(server.stdout.readline()))
        assert server.poll() is None, "the server ended"
    finally:
        server.terminate()
        server.wait()


def drive(server):
    url, admin, usersig, app = (server[name] for name in ("url", "admin_url", "usersig", "sdkappid"))
    os.environ["PORTRAITD_SDKAPPID"] = str(app)
    public_document = ask(f"{url}/openapi.json")
    for document in (public_document, ask(f"{admin}/openapi.json")):
        validate(document)
        print(document["info"]["title"], "is valid")
    check_examples(url, public_document, f"sdkappid={app}&identifier=administrator&usersig={usersig}")
    print("the examples work")
    fuzz(f"{url}/openapi.json", usersig=usersig)
    fuzz(f"{url}/openapi.json")
    fuzz(f"{admin}/openapi.json", "--header", f"Authorization: Bearer {server['admin_token']}")


main()
