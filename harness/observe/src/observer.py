"""The observer: tells each change of the gateway's files on the volume, with its time and content.

Runs in a container of its own with the volume mounted read-only. argv: what the harness knows of the gateway, as
JSON, and `new` to pass over what the logs hold at the start. Waits for a first line of input before it says anything, so
that nothing is said unheard. That line may say up to where each log was told by an observer before this one.
"""
FACTS = json.loads(sys.argv[1])
ROOT, DEFAULT = FACTS["data"], FACTS["default"]
PROFILES = os.path.join(ROOT, FACTS["profiles"])
SKIP = len(sys.argv) > 2 and sys.argv[2] == "new"
MASK = MODIFY | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE
FILES = (FACTS["state"], FACTS["marker"])
CRON, HEARTBEAT = FACTS["cron"], FACTS["heartbeat"]
LOGS = (FACTS["gateway_log"], FACTS["exit_diag"])
# Only these lines of the gateway's log are of interest; the rest may be as long as it likes.
TELLING = FACTS["phrases"]
MAX_PROFILES = 64
MAX_LOG = 4 * 1024 * 1024

# The end of a log as it is when it is opened.
END = object()
# How much of a log's text before the place read up to is kept, to notice that another text has taken its place.
TRACE = 256

watch = Inotify()
queue = collections.deque()
crowded = []
seen = {}
told_at = {}
written = set()
tails = {}
ticked = {}
paths = []
entries = {}
resumed = None

KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink"}


def tell_entries():
    """Tells what is at the paths that were asked for, where that has changed. No link is followed, in no part of a path."""
    for path in paths:
        try:
            fd = os.open(ROOT, os.O_PATH | os.O_DIRECTORY)
            try:
                *parents, name = path.split("/")
                for parent in parents:
                    inner = os.open(parent, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
                    os.close(fd)
                    fd = inner
                st = os.stat(name, dir_fd=fd, follow_symlinks=False)
            finally:
                os.close(fd)
            entry = (KINDS.get(stat.S_IFMT(st.st_mode), "other"), st.st_uid)
        except OSError:
            entry = (None, None)
        if entries.get(path) != entry:
            entries[path] = entry
            say("entry", f=clean(path), d=entry[0] or "", uid=entry[1], t=time.time_ns())


def tell_tick(profile, directory):
    """Tells that a scheduler has renewed its heartbeat, and when."""
    try:
        at = os.stat(os.path.join(directory, HEARTBEAT), follow_symlinks=False).st_mtime_ns
    except OSError:
        return
    if ticked.get(directory) != at:
        ticked[directory] = at
        say("tick", p=clean(profile), t=when(at))


def profiles():
    found = [(DEFAULT, ROOT)]
    try:
        with os.scandir(PROFILES) as entries:
            names = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
    except OSError:
        names = []
    found += [(name, os.path.join(PROFILES, name)) for name in names if name != DEFAULT]
    if len(found) > MAX_PROFILES and not crowded:
        crowded.append(True)
        say("crowded", d=f"{len(found)} profiles, and no more than {MAX_PROFILES} are watched")
    return found[:MAX_PROFILES]


def changed_at(path, st):
    """When the file came to be as it is. The kernel sets ctime, so neither an archive nor the writer can date it back; a file
    that is gone was removed no later than its directory's last change. A path's times never go back."""
    if st is None:
        try:
            st = os.stat(os.path.dirname(path))
        except OSError:
            pass
    at = when(max(st.st_ctime_ns, st.st_mtime_ns)) if st else time.time_ns()
    told_at[path] = max(at, told_at.get(path, 0))
    return told_at[path]


def missed(path, profile, name, st):
    """Tells of a content that was not read. `st`: the file as it was told already, which replaced that content; None while
    the next one is being written. By its time a reader knows whether it came before what was told last."""
    if st is None:
        told_at[path] = max(when(time.time_ns()), told_at.get(path, 0))
    say("missed", p=clean(profile), f=name, t=told_at[path] if st is None else changed_at(path, st))


def tell_file(profile, directory, name, event=False):
    """Tells a file if it is not as it was. `event`: one write was announced, and this is to be what it wrote."""
    path = os.path.join(directory, name)
    st, kind, text = slurp(path)
    if event:
        queue.extend(watch.read())
        if any(w == directory and n == name and m & MODIFY for w, m, n in queue):
            # It is being written in place again: what was read may be half of that. It is told when it is closed.
            missed(path, profile, name, None)
            return
    key = (st.st_ino, st.st_mtime_ns, kind, text) if st else (kind, text)
    last, scanned = seen.get(path, (None, True))
    if key == last:
        # A write was announced and what it wrote has been replaced before it could be read.
        if event and not scanned:
            missed(path, profile, name, st)
        seen[path] = (key, False if event else scanned)
        return
    if last is None and kind == "absent":
        seen[path] = (key, True)
        return
    seen[path] = (key, not event)
    say("file", p=clean(profile), f=name, **{"is": kind}, d=text, t=changed_at(path, st))


class Tail:
    """A log from some offset on; follows a rotation without losing the end of the old file."""

    def __init__(self, profile, path, name):
        self.profile, self.path, self.name = profile, path, name
        self.fd, self.rest, self.read_bytes = None, b"", 0
        self.at, self.trace = 0, b""
        # Where to begin in the file that is there now, if it is not its first byte.
        self.begin = None
        if not started:
            if resumed is not None:
                self.begin = resumed.get(f"{profile}/{name}")
            elif SKIP:
                self.begin = END

    def open(self):
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return False
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            return False
        self.fd, self.rest = fd, b""
        self.at, self.trace = 0, b""
        begin, self.begin = self.begin, None
        if begin is not None:
            end = os.fstat(fd).st_size
            if begin is not END and end < begin:
                say("cut", p=clean(self.profile), f=self.name)
            self.at = os.lseek(fd, end if begin is END else min(begin, end), os.SEEK_SET)
            self.trace = os.pread(fd, min(TRACE, self.at), max(0, self.at - TRACE))
            say("tail", p=clean(self.profile), f=self.name, o=self.at)
        return True

    def is_cut(self):
        """True if the text before the place read up to is gone, or another one: the log was truncated in place."""
        if os.fstat(self.fd).st_size < self.at:
            return True
        return os.pread(self.fd, len(self.trace), self.at - len(self.trace)) != self.trace

    def drain(self):
        if self.fd is None and not self.open():
            # What appears later is new.
            self.begin = None
            return
        while True:
            self.pump()
            try:
                moved = os.stat(self.path, follow_symlinks=False).st_ino != os.fstat(self.fd).st_ino
            except OSError:
                return
            if not moved:
                return
            os.close(self.fd)
            self.fd = None
            if not self.open():
                return

    def pump(self):
        if self.is_cut():
            say("cut", p=clean(self.profile), f=self.name)
            os.lseek(self.fd, 0, os.SEEK_SET)
            self.rest, self.at, self.trace = b"", 0, b""
        while True:
            data = os.read(self.fd, 65536)
            if not data:
                return
            self.at += len(data)
            self.trace = (self.trace + data)[-TRACE:]
            self.read_bytes += len(data)
            if self.read_bytes > MAX_LOG:
                if self.read_bytes - len(data) <= MAX_LOG:
                    say("capped", p=clean(self.profile), f=self.name)
                continue
            mtime = when(os.fstat(self.fd).st_mtime_ns)
            *lines, self.rest = (self.rest + data).split(b"\n")
            end = self.at - len(self.rest) - sum(len(line) + 1 for line in lines)
            self.rest = self.rest[:CAP]
            for line in lines:
                end += len(line) + 1
                text = line[:4096].decode("utf-8", "replace")
                if self.name != FACTS["gateway_log"] or any(word in text for word in TELLING):
                    say("line", p=clean(self.profile), f=self.name, d=text, t=mtime, o=end)


def arm(profile, directory):
    """Watches a profile and tells what is there."""
    watch.add(directory, MASK)
    logs = os.path.join(directory, FACTS["logs"])
    watch.add(logs, MASK)
    watch.add(os.path.join(directory, CRON), MASK)
    tell_tick(profile, os.path.join(directory, CRON))
    for name in FILES:
        tell_file(profile, directory, name)
    names = LOGS + ((FACTS["boot_log"],) if profile == DEFAULT else ())
    for name in names:
        path = os.path.join(logs, name)
        if path not in tails:
            tails[path] = Tail(profile, path, name)
        tails[path].drain()


def arm_all():
    watch.add(PROFILES, MASK)
    for profile, directory in profiles():
        arm(profile, directory)


def handle(directory, mask, name):
    if mask & OVERFLOW:
        say("overflow")
        arm_all()
        return
    if directory is None:
        return
    path = os.path.join(directory, name)
    if path in tails:
        tails[path].drain()
    elif name in FILES:
        if mask & MODIFY:
            written.add(path)
        # A file written in place is told when it is closed: before that it is half a file. One that is closed and was not
        # written has no content of its own that could be missed.
        if mask & (MOVED_TO | CLOSE_WRITE | DELETE | MOVED_FROM):
            event = bool(mask & MOVED_TO) or bool(mask & CLOSE_WRITE and path in written)
            written.discard(path)
            profile = DEFAULT if directory == ROOT else os.path.basename(directory)
            tell_file(profile, directory, name, event)
    elif name == HEARTBEAT and os.path.basename(directory) == CRON:
        if mask & (MOVED_TO | CLOSE_WRITE):
            home = os.path.dirname(directory)
            tell_tick(DEFAULT if home == ROOT else os.path.basename(home), directory)
    elif mask & (CREATE | MOVED_TO):
        folders = (FACTS["logs"], FACTS["profiles"], CRON)
        if name in folders or os.path.dirname(directory) == ROOT or directory == PROFILES:
            arm_all()


def work():
    """Handles all events at hand."""
    queue.extend(watch.read())
    while queue:
        handle(*queue.popleft())


started = False
commands = Commands()
poll = select.poll()
poll.register(0, select.POLLIN)
poll.register(watch.fd, select.POLLIN)
pending = commands.read()
resumed = pending[0].get("from")
say("hello")
arm_all()
started = True
while True:
    for command in pending:
        if command.get("c") == "sync":
            work()
            arm_all()
            tell_entries()
            say("sync", id=command["id"])
        elif command.get("c") == "entries":
            paths[:] = command["paths"]
            tell_entries()
            say("reply", id=command["id"], ok=True)
    pending = []
    for fd, _ in poll.poll():
        if fd == 0:
            pending = commands.read()
        else:
            work()
