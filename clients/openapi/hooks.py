"""What schemathesis can't know: the UserSig of a caller who is let in, a webhook's receiver on this machine, and which answers
matter to `drive.py`. Without a UserSig, calls go out as they were made."""

import json
import os
import urllib.request

import schemathesis

RECEIVER = os.environ.get("PORTRAITD_RECEIVER", "http://127.0.0.1:9/nothing-listens")


@schemathesis.hook
def before_call(context, case, kwargs):
    if usersig := os.environ.get("PORTRAITD_USERSIG"):
        case.query = dict(case.query or {})
        case.query.update(
            sdkappid=os.environ["PORTRAITD_SDKAPPID"], identifier="administrator", usersig=usersig, contenttype="json"
        )
    # What is made for a webhook may name any host, and would be called.
    if isinstance(case.body, dict) and str(case.body.get("url")).startswith("http"):
        case.body["url"] = RECEIVER
    # Other calls of the run remove the webhook.
    if case.operation.label == "POST /admin/v1/apps/{app}/webhook/test" and "PORTRAITD_WEBHOOK" in os.environ:
        set_webhook()


def set_webhook():
    request = urllib.request.Request(
        os.environ["PORTRAITD_WEBHOOK"], method="PUT",
        data=json.dumps({"url": RECEIVER}).encode(),
        headers={"Authorization": f"Bearer {os.environ['PORTRAITD_TOKEN']}"},
    )
    urllib.request.urlopen(request).close()


@schemathesis.hook
def after_call(context, case, response):
    with open(os.environ["PORTRAITD_ANSWERS"], "a") as file:
        file.write(f"{case.operation.label}\t{response.status_code}\n")
