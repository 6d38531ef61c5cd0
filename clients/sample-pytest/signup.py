"""A part of somebody's back end: new users get an IM account and a profile. It uses PyPI's timsdk, whose host is fixed,
and knows nothing of portraitd."""

from timsdk import TimClient

NICK, LEVEL = "Tag_Profile_IM_Nick", "Tag_Profile_IM_Level"


class NicknameRefused(Exception):
    pass


class Signup:
    def __init__(self, sdkappid, key):
        client = TimClient(sdkappid, key)
        self.accounts, self.profiles = client.im_open_login_svc, client.profile

    def join(self, user, nickname):
        self._ok(self.accounts.account_import(user))
        self._set(user, NICK, nickname)
        self._set(user, LEVEL, 1)

    def promote(self, user):
        level = self.profile(user).get(LEVEL, 0)
        self._set(user, LEVEL, level + 1)

    def profile(self, user):
        answer = self._ok(self.profiles.portrait_get([user], [NICK, LEVEL]))
        return {item["Tag"]: item["Value"] for item in answer["UserProfileItem"][0].get("ProfileItem", [])}

    def _set(self, user, tag, value):
        answer = self.profiles.portrait_set(user, [{"Tag": tag, "Value": value}])
        if answer["ErrorCode"] in (40005, 40601):
            raise NicknameRefused(answer["ErrorInfo"])
        self._ok(answer)

    @staticmethod
    def _ok(answer):
        if answer["ErrorCode"] != 0:
            raise RuntimeError(answer)
        return answer
