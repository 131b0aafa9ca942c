"""What happens to Ctrl-C and SIGTERM during a run: the finished checks are kept before anything else ends."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
AGAIN = b"\nStopping: the finished checks are kept first.\n"


class Stopping:
    """The first signal stops the run as Ctrl-C does; another one waits until the finished checks are kept."""

    def __init__(self) -> None:
        self.why = ""  # the first signal
        self._signals = 0
        self._writing = False
        self._before: dict[int, Any] = {}

    def install(self) -> None:
        """Take over both signals, where that is possible: in the main thread."""
        if threading.current_thread() is threading.main_thread():
            for number in NAMES:
                if signal.getsignal(number) not in (
                    signal.SIG_IGN,
                    None,
                ):  # ignored, as under nohup, or not Python's
                    self._before[number] = signal.signal(number, self._handle)

    def hold(self) -> None:
        """From here on the checks are being written, and no signal interrupts it."""
        self._writing = True

    def release(self) -> None:
        """The checks are kept: signals mean again what they did."""
        self._writing = False
        while self._before:
            signal.signal(*self._before.popitem())

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        self.why = self.why or NAMES[signal.Signals(number)]
        if self._signals == 1 and not self._writing:
            raise KeyboardInterrupt
        if self._writing or self._signals == 2:
            os.write(2, AGAIN)  # not print: this may be in the middle of one
            return
        raise KeyboardInterrupt
