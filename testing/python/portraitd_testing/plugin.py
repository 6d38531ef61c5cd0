"""The pytest plugin: fixtures `portraitd` (the emulator, once a session) and `portraitd_app` (an app for each test)."""

from __future__ import annotations

from typing import Iterator

import pytest

from .app import App
from .emulator import Emulator


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "portraitd(empty=False, webhook=False, like=None): how the fixture portraitd_app makes its app"
    )


@pytest.fixture(scope="session")
def portraitd() -> Iterator[Emulator]:
    """The emulator: the one at PORTRAITD_URL, or one that this session starts and ends."""
    emulator = Emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture
def portraitd_app(portraitd: Emulator, request: pytest.FixtureRequest) -> Iterator[App]:
    """An app for this test alone, deleted afterwards. When the test fails, pytest shows the calls that were refused."""
    marker = request.node.get_closest_marker("portraitd")
    app = portraitd.create_app(**(marker.kwargs if marker else {}))
    yield app
    for call in app.requests():
        if call["code"] != 0:
            print(f"portraitd refused {call['path']}: {call['code']} {call['detail']}")
    app.delete()
