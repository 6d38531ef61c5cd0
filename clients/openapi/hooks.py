"""What schemathesis can't know: the UserSig of a caller who is let in, a webhook's receiver on this machine, and which answers
matter to `drive.py`. Without a UserSig, calls go out as they were made."""

import json
import os
import urllib.error
import urllib.request

import schemathesis

DELETED = "1999999999"
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
    # The accounts that there are may be deleted by other calls, or be admins.
    if case.operation.label == "DELETE /admin/v1/apps/{app}/accounts/{user}" and "PORTRAITD_WEBHOOK" in os.environ:
        case.path_parameters = {**case.path_parameters, "user": "leaves"}
        app, _, _ = os.environ["PORTRAITD_WEBHOOK"].rpartition("/")
        ask("PUT", f"{app}/accounts/leaves")
    # The app of the other calls must stay.
    if case.operation.label == "DELETE /admin/v1/apps/{app}":
        case.path_parameters = {"app": DELETED}
        if "PORTRAITD_WEBHOOK" in os.environ:
            make_deleted()
    # Other calls of the run remove the webhook.
    if case.operation.label == "POST /admin/v1/apps/{app}/webhook/test" and "PORTRAITD_WEBHOOK" in os.environ:
        set_webhook()


def set_webhook():
    ask("PUT", os.environ["PORTRAITD_WEBHOOK"], {"url": RECEIVER})


def make_deleted():
    apps, _, _ = os.environ["PORTRAITD_WEBHOOK"].rpartition("/apps/")
    try:
        ask("POST", f"{apps}/apps", {"sdkappid": int(DELETED)})
    except urllib.error.HTTPError as error:
        # It is there when the call before was made without a token.
        if error.code != 409:
            raise


def ask(method, url, body=None):
    headers = {"Authorization": f"Bearer {os.environ['PORTRAITD_TOKEN']}"}
    data = json.dumps(body).encode() if body else b""
    urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)).close()


@schemathesis.hook
def after_call(context, case, response):
    with open(os.environ["PORTRAITD_ANSWERS"], "a") as file:
        file.write(f"{case.operation.label}\t{response.status_code}\n")
