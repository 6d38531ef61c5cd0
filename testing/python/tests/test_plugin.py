import os
import signal
import subprocess
import sys
import time

import pytest
import requests
from portraitd_testing import App, Emulator, EmulatorError, sign

NICK = "Tag_Profile_IM_Nick"


def call(app, path, body, usersig=None, identifier=None):
    query = {"sdkappid": app.sdkappid, "identifier": identifier or app.admin, "usersig": usersig or app.usersig}
    query.update(random=7, contenttype="json")
    return requests.post(f"{app.url}/v4/{path}", params=query, json=body, timeout=15).json()


def add(app, user):
    return call(app, "im_open_login_svc/account_import", {"UserID": user})["ErrorCode"]


def status_of(app, user):
    body = {"CheckItem": [{"UserID": user}]}
    return call(app, "im_open_login_svc/account_check", body)["ResultItem"][0]["AccountStatus"]


def test_set_and_get_with_requests(portraitd_app):
    assert add(portraitd_app, "py") == 0
    body = {"From_Account": "py", "ProfileItem": [{"Tag": NICK, "Value": "昵称"}]}
    assert call(portraitd_app, "profile/portrait_set", body)["ErrorCode"] == 0
    got = call(portraitd_app, "profile/portrait_get", {"To_Account": ["py"], "TagList": [NICK]})
    assert got["UserProfileItem"][0]["ProfileItem"] == [{"Tag": NICK, "Value": "昵称"}]
    assert [row["command"] for row in portraitd_app.requests(user="py", code=0)][-1] == "portrait_get"


@pytest.mark.parametrize("_round", [1, 2])
def test_no_test_sees_the_accounts_of_another(portraitd_app, _round):
    assert status_of(portraitd_app, "only-here") == "NotImported"
    assert add(portraitd_app, "only-here") == 0
    assert status_of(portraitd_app, "only-here") == "Imported"


@pytest.mark.portraitd(empty=True)
def test_an_app_without_the_samples(portraitd_app):
    assert status_of(portraitd_app, "alice") == "NotImported"


def test_a_wrong_key_is_refused(portraitd_app):
    body = {"To_Account": ["alice"], "TagList": [NICK]}
    forged = sign(portraitd_app.sdkappid, "0" * 64, "administrator")
    assert call(portraitd_app, "profile/portrait_get", body, forged)["ErrorCode"] == 70009
    assert portraitd_app.requests(code=70009)[0]["identifier"] == "administrator"


def test_a_usersig_for_another_user(portraitd_app):
    body = {"To_Account": ["alice"], "TagList": [NICK]}
    # 40004: the UserSig is right, and alice is no App admin.
    assert call(portraitd_app, "profile/portrait_get", body, portraitd_app.sign("alice"), "alice")["ErrorCode"] == 40004
    assert call(portraitd_app, "profile/portrait_get", body, portraitd_app.sign("administrator"))["ErrorCode"] == 0


def test_a_fault_and_time_that_passes(portraitd_app):
    portraitd_app.add_fault(command="portrait_get", next=1, code=60007)
    body = {"To_Account": ["alice"], "TagList": [NICK]}
    assert [call(portraitd_app, "profile/portrait_get", body)["ErrorCode"] for _ in range(2)] == [60007, 0]
    portraitd_app.advance("181d")
    assert call(portraitd_app, "profile/portrait_get", body)["ErrorCode"] == 70001
    assert call(portraitd_app, "profile/portrait_get", body, portraitd_app.sign("administrator"))["ErrorCode"] == 0


@pytest.mark.portraitd(webhook=True)
def test_webhooks(portraitd_app):
    body = {"From_Account": "alice", "ProfileItem": [{"Tag": NICK, "Value": "A"}]}
    assert call(portraitd_app, "profile/portrait_set", body)["ErrorCode"] == 0
    assert portraitd_app.webhooks(count=1)[0]["user"] == "alice"


def test_start_and_reuse(monkeypatch, portraitd):
    monkeypatch.delenv("PORTRAITD_URL", raising=False)
    own = Emulator.start()
    assert own.started and own.url != portraitd.url
    monkeypatch.setenv("PORTRAITD_URL", own.url)
    reused = Emulator.start()
    assert not reused.started and reused.url == own.url
    reused.stop()
    app = own.create_app()
    assert isinstance(app, App) and app.key not in repr(app)
    own.stop()
    with pytest.raises(EmulatorError, match="which PORTRAITD_URL names"):
        reused.create_app()
    with pytest.raises(EmulatorError, match="has ended, exit code 0"):
        own.create_app()


def test_an_emulator_that_was_not_found(monkeypatch, tmp_path):
    monkeypatch.delenv("PORTRAITD_URL", raising=False)
    monkeypatch.setenv("PORTRAITD_BINARY", str(tmp_path / "nothing"))
    with pytest.raises(EmulatorError, match="PORTRAITD_BINARY is .*nothing, and that is no program. Install it"):
        Emulator.start()
    monkeypatch.delenv("PORTRAITD_BINARY")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmulatorError, match="the program portraitd was not found. Install it"):
        Emulator.start()


@pytest.mark.skipif(os.name != "posix", reason="the shell that watches is there on POSIX alone")
def test_it_ends_with_a_test_process_that_is_killed(monkeypatch):
    monkeypatch.delenv("PORTRAITD_URL", raising=False)
    script = (
        "import time; from portraitd_testing import Emulator; own = Emulator.start(); print(own.url, flush=True); "
        "time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    url = child.stdout.readline().strip()
    Emulator(url).create_app()
    child.send_signal(signal.SIGKILL)
    child.wait()
    for _ in range(100):
        try:
            Emulator(url).create_app()
        except EmulatorError:
            return
        time.sleep(0.1)
    pytest.fail("the emulator goes on")
