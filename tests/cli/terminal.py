# SPDX-License-Identifier: MIT
"""A program on a pseudo-terminal, whose picture can be looked at."""
import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time

try:
    import pyte
except ImportError:
    print("no pyte for %s (python3-pyte): skipped" % sys.executable)
    sys.exit(77)

PATIENCE = 30  # seconds, for a machine that is busy with other things
CLEAN = {name: value for name, value in os.environ.items()
         if name not in ("NO_COLOR", "http_proxy", "https_proxy", "all_proxy",
                         "LINES", "COLUMNS")}
UTF8 = dict(CLEAN, LC_ALL="C.UTF-8", TERM="xterm-256color")


class Terminal:
    """Of so many columns and rows, with nobody else on it."""

    def __init__(self, columns, rows, *words, env=None):
        self.master, self.slave = os.openpty()
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.resize(columns, rows)
        self.settings = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            words, stdin=self.slave, stdout=self.slave, stderr=self.slave,
            env=env or UTF8,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(
                0, termios.TIOCSCTTY, 0))

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def feed(self, seconds):
        """What comes in that time; false if nothing does."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        part = os.read(self.master, 65536)
        self.raw += part
        self.stream.feed(part)
        return True

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait_for(self, is_so):
        """Until the picture is so; it is returned."""
        deadline = time.monotonic() + PATIENCE
        while not is_so(self.text()):
            if time.monotonic() > deadline:
                raise AssertionError("it never came:\n" + self.text())
            self.feed(0.1)
        return self.text()

    def end(self):
        """Wait for the end; the exit code, once the rest is read."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            self.feed(0.05)
        self.feed(0)
        return self.process.wait(1)

    def is_restored(self):
        return (termios.tcgetattr(self.slave) == self.settings
                and b"\033[?1049h" in self.raw
                and self.raw.rfind(b"\033[?1049l") >
                self.raw.rfind(b"\033[?1049h")
                and self.raw.rfind(b"\033[?25h") >
                self.raw.rfind(b"\033[?25l"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def show(title, text):
    print("--- %s\n%s\n---" % (title, text), flush=True)
