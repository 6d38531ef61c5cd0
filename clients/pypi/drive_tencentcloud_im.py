"""PyPI's tencentcloud-sdk-python-im with its own default host (https://console.tim.qq.com), found by the environment
alone (`portraitd run`). It writes `*` as %2A, escapes all but ASCII, and sends Nick and FaceUrl also when they are empty.
It has no profile calls."""

import os

from tencentcloud_im import tcim_client


def main():
    classes = [value for value in vars(tcim_client).values() if hasattr(value, "add_single_user")]
    app, key = int(os.environ["PORTRAITD_SDKAPPID"]), os.environ["PORTRAITD_KEY"]
    client = classes[0](app, key, "administrator")

    def ok(response):
        answer = response.json()
        assert response.status_code == 200 and answer["ErrorCode"] == 0, answer
        return answer

    ok(client.add_single_user("im_user", "昵称", "http://example.com/face.png"))
    ok(client.add_single_user("im_user", "", ""))
    assert ok(client.batch_add_users(["im_one", "im_two"]))["FailAccounts"] == []
    items = ok(client.search_user(["im_user", "im_ghost"]))["ResultItem"]
    assert [item["AccountStatus"] for item in items] == ["Imported", "NotImported"], items
    ok(client.abolition_user_sig("im_user"))
    assert client.abolition_user_sig("im_ghost").json()["ErrorCode"] == 70107
    items = ok(client.del_user(["im_user", "im_one", "im_two"]))["ResultItem"]
    assert [item["ResultCode"] for item in items] == [0, 0, 0], items
    print("account_import, multiaccount_import, account_check, kick, account_delete ok")


main()
