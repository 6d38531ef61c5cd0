"""Starts, reuses and stops the portraitd emulator, and makes an app for each test."""

from .app import App, sign
from .emulator import Emulator, EmulatorError

__all__ = ["App", "Emulator", "EmulatorError", "sign"]
