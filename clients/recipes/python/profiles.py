"""Users' profiles in Tencent Cloud IM: what a back end needs of the REST API. Nothing here knows of portraitd."""

import json
import random
import urllib.parse
import urllib.request


class ImError(Exception):
    def __init__(self, code, info):
        super().__init__(f"{code} {info}")
        self.code = code


class Profiles:
    def __init__(self, sdkappid, admin, usersig, url="https://console.tim.qq.com"):
        self.query = {"sdkappid": sdkappid, "identifier": admin, "usersig": usersig, "contenttype": "json"}
        self.url = url

    def call(self, path, body):
        query = urllib.parse.urlencode({**self.query, "random": random.randrange(2**32)})
        request = urllib.request.Request(f"{self.url}/v4/{path}?{query}", json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=15) as response:
            answer = json.load(response)
        if answer["ErrorCode"] != 0:
            raise ImError(answer["ErrorCode"], answer.get("ErrorDisplay") or answer["ErrorInfo"])
        return answer

    def add(self, user):
        self.call("im_open_login_svc/account_import", {"UserID": user})

    def set(self, user, **fields):
        items = [{"Tag": f"Tag_Profile_IM_{name}", "Value": value} for name, value in fields.items()]
        self.call("profile/portrait_set", {"From_Account": user, "ProfileItem": items})

    def get(self, user, *names):
        tags = [f"Tag_Profile_IM_{name}" for name in names]
        answer = self.call("profile/portrait_get", {"To_Account": [user], "TagList": tags})
        return {item["Tag"][15:]: item["Value"] for item in answer["UserProfileItem"][0]["ProfileItem"]}
