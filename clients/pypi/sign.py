"""Signs what the file says with PyPI's official signer, line by line, and signs again what portraitd's own signer signed.
Then calls a running portraitd as users who are nobody: 40004 says that their UserSig was good."""
import json
import os
import sys
import zlib

import requests
from TLSSigAPIv2 import TLSSigAPIv2, base64_decode_url

NOBODYS_CALLS = 200


def agrees(case):
    document = json.loads(zlib.decompress(base64_decode_url(case["ours"].encode())))
    api = TLSSigAPIv2(document["TLS.sdkappid"], case["key"])
    named = (document["TLS.identifier"], document["TLS.time"], document["TLS.expire"], document.get("TLS.userbuf"))
    # The signer offers no check; this is what it signs with.
    return api._TLSSigAPIv2__hmacsha256(*named).decode() == document["TLS.sig"]


def sign(case):
    api = TLSSigAPIv2(case["app"], case["key"])
    if case["userbuf"] is None:
        return api.gen_sig(case["identifier"], case["expire"])
    return api.gen_sig_with_userbuf(case["identifier"], case["expire"], bytes.fromhex(case["userbuf"]))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = [json.loads(line) for line in file]
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        for case in cases:
            print(json.dumps({"sig": sign(case), "agrees": agrees(case)}), file=file)
    app, session = os.environ["PORTRAITD_SDKAPPID"], requests.Session()
    api = TLSSigAPIv2(int(app), os.environ["PORTRAITD_KEY"])
    for case in cases[:NOBODYS_CALLS]:
        sig = api.gen_sig_with_userbuf(case["identifier"], 600, b"room")
        query = {"sdkappid": app, "identifier": case["identifier"], "usersig": sig, "random": 1, "contenttype": "json"}
        body = {"To_Account": ["alice"], "TagList": ["Tag_Profile_IM_Nick"]}
        url = os.environ["PORTRAITD_URL"] + "/v4/profile/portrait_get"
        answer = session.post(url, params=query, json=body, timeout=10).json()
        assert answer["ErrorCode"] == 40004, (case["identifier"], answer)


main()
