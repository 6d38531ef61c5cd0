"""What schemathesis can't know: the UserSig of a caller who is let in. Without one, calls go out as they were made."""

import os

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    if usersig := os.environ.get("PORTRAITD_USERSIG"):
        case.query = dict(case.query or {})
        case.query.update(
            sdkappid=os.environ["PORTRAITD_SDKAPPID"], identifier="administrator", usersig=usersig, contenttype="json"
        )
