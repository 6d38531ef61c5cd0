import os
import sys
import uuid

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture(scope="session")
def signup():
    """The back end's own code, with the emulator's app. `portraitd run` set the rest of the environment."""
    from signup import Signup

    return Signup(int(os.environ["PORTRAITD_SDKAPPID"]), os.environ["PORTRAITD_KEY"])


@pytest.fixture
def user():
    """A UserID that no other test uses."""
    return "u-" + uuid.uuid4().hex[:20]
