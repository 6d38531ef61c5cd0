#!/usr/bin/env python3
"""Instructions that one call costs in portraitd, counted by callgrind: the same on a busy machine as on a quiet one.

    cargo build --release && benches/instructions.py        (Debian: apt-get install valgrind)

The server runs twice for each kind of call, with 1,000 and with 3,000 calls one after the other on one connection; the
difference, divided by 2,000, is one call without start and end. The kernel's part is not in it; nor is the saving of
many callers who share a commit.
"""
import http.client, json, pathlib, re, subprocess, sys, tempfile, urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/release/portraitd")
FEW, MANY = 1000, 3000
TAGS = ["Tag_Profile_IM_Nick", "Tag_Profile_IM_Gender", "Tag_Profile_IM_BirthDay"]
CALLS = {
    "portrait_set, one field": ("portrait_set", lambda n: {"From_Account": "alice", "ProfileItem": [{"Tag": TAGS[0], "Value": f"Nickname {n:06}"}]}),
    "portrait_get, one account, 3 tags": ("portrait_get", lambda n: {"To_Account": ["alice"], "TagList": TAGS}),
    "portrait_get, 100 accounts, 3 tags": ("portrait_get", lambda n: {"To_Account": ["alice", "bob"] * 50, "TagList": TAGS}),
}


def instructions(command, body, count):
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as directory:
        out = f"{directory}/callgrind.out"
        server = subprocess.Popen(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", BINARY, "dev", "--data", f"{directory}/data", "--listen", "127.0.0.1:0", "--json"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        ready = json.loads(server.stdout.readline())
        query = urllib.parse.urlencode({"sdkappid": ready["sdkappid"], "identifier": ready["admin"], "usersig": ready["usersig"], "random": 1, "contenttype": "json"})
        connection = http.client.HTTPConnection(urllib.parse.urlparse(ready["url"]).netloc)
        for n in range(count):
            connection.request("POST", f"/v4/profile/{command}?{query}", json.dumps(body(n)))
            answer = json.loads(connection.getresponse().read())
            assert answer["ErrorCode"] == 0, answer
        server.terminate()
        said = server.communicate()[1]
        return int(re.search(r"Collected : (\d+)", said)[1])


print("| call | instructions |\n| --- | --- |")
for name, (command, body) in CALLS.items():
    few, many = (instructions(command, body, count) for count in (FEW, MANY))
    print(f"| {name} | {(many - few) / (MANY - FEW):,.0f} |", flush=True)
