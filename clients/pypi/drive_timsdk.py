"""PyPI's timsdk, unmodified in every way: its host is fixed (https://console.tim.qq.com), and it finds portraitd by the
environment alone (`portraitd run`). Note its account_check: a GET with a body."""

import os

from timsdk import TimClient


def main():
    client = TimClient(int(os.environ["PORTRAITD_SDKAPPID"]), os.environ["PORTRAITD_KEY"])
    accounts, profile = client.im_open_login_svc, client.profile

    def ok(answer):
        assert answer["ErrorCode"] == 0 and answer["ActionStatus"] == "OK", answer
        return answer

    ok(accounts.account_import("py_user", nick="昵称", face_url="http://example.com/face.png"))
    ok(accounts.im_open_login_svc(["py_one", "py_two"]))
    print("account_import, multiaccount_import ok")
    items = ok(accounts.account_check(["py_user", "py_ghost"]))["ResultItem"]
    assert [item["AccountStatus"] for item in items] == ["Imported", "NotImported"], items
    print("account_check ok (a GET with a body)")
    ok(profile.portrait_set("py_user", [
        {"Tag": "Tag_Profile_IM_Gender", "Value": "Gender_Type_Female"},
        {"Tag": "Tag_Profile_IM_BirthDay", "Value": 19900101},
    ]))
    print("portrait_set ok")
    answer = ok(profile.portrait_get(["py_user", "py_ghost"]))
    found = {item["Tag"]: item["Value"] for item in answer["UserProfileItem"][0]["ProfileItem"]}
    assert found == {"Tag_Profile_IM_Nick": "昵称", "Tag_Profile_IM_Gender": "Gender_Type_Female",
                     "Tag_Profile_IM_BirthDay": 19900101}, found
    assert answer["Fail_Account"] == ["py_ghost"], answer
    print("portrait_get ok")
    answer = profile.portrait_set("py_user", [{"Tag": "nickName", "Value": "x"}])
    assert answer["ErrorCode"] == 40009, answer
    answer = profile.portrait_set("py_ghost", [{"Tag": "Tag_Profile_IM_Nick", "Value": "x"}])
    assert answer["ErrorCode"] == 40003, answer
    print("an unknown tag: 40009, an unknown account: 40003")
    items = ok(accounts.account_delete(["py_user", "py_one", "py_two", "py_ghost"]))["ResultItem"]
    assert [item["ResultCode"] for item in items] == [0, 0, 0, 70107], items
    print("account_delete ok")


main()
