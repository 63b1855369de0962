"""Shared by the observer and the agent: inotify without dependencies, and JSON lines on standard output.

Both run on whatever Python the image has, started with -I -S, so that neither site packages nor the environment of the
image under test take part.
"""
import collections
import ctypes
import json
import os
import select
import stat
import struct
import sys
import time

MODIFY, CLOSE_WRITE, MOVED_FROM, MOVED_TO = 0x2, 0x8, 0x40, 0x80
CREATE, DELETE, IGNORED, OVERFLOW = 0x100, 0x200, 0x8000, 0x4000
CAP = 64 * 1024

_libc = ctypes.CDLL(None, use_errno=True)


class Inotify:
    def __init__(self):
        self.fd = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self.paths = {}

    def add(self, path, mask):
        """Watches a directory; False if it is not there."""
        wd = _libc.inotify_add_watch(self.fd, os.fsencode(path), mask | 0x01000000)
        if wd < 0:
            return False
        self.paths[wd] = path
        return True

    def read(self):
        """All events at hand, as (directory, mask, name)."""
        events = []
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return events
            at = 0
            while at < len(data):
                wd, mask, _, size = struct.unpack_from("iIII", data, at)
                name = os.fsdecode(data[at + 16 : at + 16 + size].rstrip(b"\0"))
                at += 16 + size
                path = self.paths.get(wd)
                if mask & IGNORED:
                    self.paths.pop(wd, None)
                events.append((path, mask, name))


_count = 0


def when(mtime):
    """A file's time, unless it lies ahead: whoever wrote the file may have set it, and nothing is written before it is read."""
    return min(mtime, time.time_ns())


def clean(text):
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def say(kind, **fields):
    """One message. Numbered, so that the reader notices if one is missing."""
    global _count
    message = {"n": _count, "k": kind, **fields}
    _count += 1
    data = (json.dumps(message, separators=(",", ":")) + "\n").encode()
    while data:
        data = data[os.write(1, data) :]


class Commands:
    """Lines of standard input, as they come."""

    def __init__(self):
        self.rest = b""

    def read(self):
        data = os.read(0, 65536)
        if not data:
            sys.exit(0)
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [json.loads(line) for line in lines if line.strip()]


def slurp(path):
    """A small plain file: (stat, kind, text), with kind text, absent, special, big or binary."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None, "absent", ""
    except OSError as error:
        return None, "special", os.strerror(error.errno)
    try:
        st = os.fstat(fd)
        if not stat.S_ISREG(st.st_mode):
            return st, "special", "not a plain file"
        data = os.read(fd, CAP + 1)
        if len(data) > CAP:
            return st, "big", data[:200].decode("utf-8", "replace")
        try:
            return st, "text", data.decode("utf-8")
        except UnicodeDecodeError:
            return st, "binary", data[:200].decode("utf-8", "replace")
    except OSError as error:
        return None, "special", os.strerror(error.errno)
    finally:
        os.close(fd)
