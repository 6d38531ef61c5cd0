"""What teams write themselves: a small Python service over SQLite (WAL, synchronous=FULL), profiles as JSON, one commit a call.

Run by compare.py: uvicorn service:app --workers 2. No UserSig is checked, so it has less to do than portraitd.
"""
import json, os, sqlite3, threading
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

local = threading.local()
OK = '"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}'


def database():
    if not hasattr(local, "connection"):
        local.connection = sqlite3.connect(os.environ["COMPARE_DATABASE"], isolation_level=None, timeout=10)
        local.connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
    return local.connection


async def body(request):
    return json.loads(await request.body())


async def portrait_set(request):
    call = await body(request)
    connection = database()
    connection.execute("BEGIN IMMEDIATE")
    row = connection.execute("SELECT profile FROM profiles WHERE user = ?", (call["From_Account"],)).fetchone()
    profile = json.loads(row[0])
    profile.update((item["Tag"], item["Value"]) for item in call["ProfileItem"])
    connection.execute("UPDATE profiles SET profile = ? WHERE user = ?", (json.dumps(profile), call["From_Account"]))
    connection.execute("COMMIT")
    return Response("{" + OK, media_type="application/json")


async def portrait_get(request):
    call = await body(request)
    found = []
    for user in call["To_Account"]:
        row = database().execute("SELECT profile FROM profiles WHERE user = ?", (user,)).fetchone()
        profile = json.loads(row[0])
        items = [{"Tag": tag, "Value": profile[tag]} for tag in call["TagList"] if tag in profile]
        found.append({"To_Account": user, "ProfileItem": items, "ResultCode": 0, "ResultInfo": ""})
    text = json.dumps({"UserProfileItem": found}, separators=(",", ":"))
    return Response(text[:-1] + "," + OK, media_type="application/json")


app = Starlette(routes=[
    Route("/v4/profile/portrait_set", portrait_set, methods=["POST"]),
    Route("/v4/profile/portrait_get", portrait_get, methods=["POST"]),
])
