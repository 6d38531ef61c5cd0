import pytest
from signup import LEVEL, NICK, NicknameRefused


def test_who_joins_has_a_profile(signup, user):
    signup.join(user, "小明")
    assert signup.profile(user) == {NICK: "小明", LEVEL: 1}


def test_promotion(signup, user):
    signup.join(user, "Mei")
    signup.promote(user)
    assert signup.profile(user)[LEVEL] == 2


def test_a_nickname_that_is_too_long_is_refused(signup, user):
    with pytest.raises(NicknameRefused):
        signup.join(user, "长" * 167)


def test_nobody_is_promoted_who_did_not_join(signup, user):
    with pytest.raises(RuntimeError, match="40003"):
        signup.promote(user)
