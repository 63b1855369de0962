"""The agent: tells what the supervisor says of each gateway slot, and acts on gateway processes.

Runs as root in the container under test for one incarnation, connected through an exec. It only reads, except where a
step asks for a signal. It ends with its connection. argv: what the harness knows of the gateway, as JSON.
"""
import signal
import subprocess

FACTS = json.loads(sys.argv[1])
SCAN, DATA, BIN, PREFIX, DEFAULT = (FACTS[key] for key in ("scan", "data", "tools", "slot", "default"))
SUPERVISE, STATUS, DEATHS, DOWN = (FACTS[key] for key in ("supervise", "status", "deaths", "down"))
CONTROL = FACTS["control"]
STATE, PID, START_TIME = (FACTS[key] for key in ("gateway_state", "pid", "start_time"))
PROGRAM, FLAG, *RUN = (os.fsencode(word) for word in (FACTS["program"], FACTS["profile_flag"], *FACTS["run"]))
MASK = MOVED_FROM | MOVED_TO | CREATE | DELETE | CLOSE_WRITE
HOME = MOVED_TO | CLOSE_WRITE | MOVED_FROM | DELETE
FIELDS = "up,wantedup,pid"
# A gateway is at rest if, for so long, no thread of it wants the processor and all of them have used so little of it, in
# nanoseconds. Measured: an idle one uses 0.3 to 1.3 ms in half a second; one that is still starting never less than 2 ms
# in a tenth.
REST, REST_USES = 200_000_000, 2_000_000
# How often it is looked at meanwhile, in milliseconds.
LOOK = 40

# The size of what signalfd(2) tells of a signal.
SIGNAL = 128

watch = Inotify()
told = {}
written_at = {}
opened = {}
told_at = {}
first = []
counted = []
ended = []
shown = []
tallies = {}
holds = []
marker_signals = []
held = {}
starting = []
idling = []


def signals(numbers):
    """Signals as a file (signalfd(2)). They are blocked, also in the tools that are run: otherwise they would die of them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    mask = sum(1 << (number - 1) for number in numbers).to_bytes(SIGNAL, sys.byteorder)
    fd = _libc.signalfd(-1, mask, os.O_CLOEXEC | os.O_NONBLOCK)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "signalfd")
    return fd


def run(tool, *args):
    try:
        out = subprocess.run([f"{BIN}/{tool}", *args], capture_output=True, timeout=5, check=False)
    except FileNotFoundError:
        return None
    except (OSError, subprocess.SubprocessError) as error:
        # Not a word of the supervisor's: a container that is out of processes looks like one without services.
        say("blind", d=f"{tool} could not be run in the container: {error}")
        return None
    return out.stdout.decode("utf-8", "replace") if out.returncode == 0 else None


def stat_field(pid, field):
    """A field of the process's stat, counted as in proc(5); None if the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            # Field 3 is the first one after the name, which may contain anything.
            return f.read().rpartition(b")")[2].split()[field - 3]
    except (OSError, IndexError):
        return None


def whole(field):
    return None if field is None else int(field)


def start_time(pid):
    """Clock ticks since the host's boot."""
    return whole(stat_field(pid, 22))


def comm(pid):
    """The name of a process."""
    try:
        with open(f"/proc/{pid}/comm", "rb") as f:
            return f.read().decode("utf-8", "replace").strip()
    except OSError:
        return None


def used(pid):
    """Processor time of a process, in nanoseconds: all threads, ended ones too."""
    try:
        # The kernel's clock of another process (CPUCLOCK_SCHED), as clock_getcpuclockid(3) names it.
        return time.clock_gettime_ns(~pid << 3 | 2)
    except OSError:
        with open(f"/proc/{pid}/stat", "rb") as f:
            fields = f.read().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def in_state(pid, states):
    """True if a thread of it is in one of these states: R runs or waits for the processor, D waits for the disk, T is frozen."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/stat", "rb") as f:
                if f.read().rpartition(b")")[2].split()[0] in states:
                    return True
        except (FileNotFoundError, ProcessLookupError):
            # A thread may end meanwhile.
            pass
    return False


def others():
    """Processor time of every other process in the container, by pid and start time."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                found[int(entry), start_time(entry)] = used(int(entry))
            except (OSError, ValueError, IndexError):
                pass
    return found


def watch_idle():
    """Answers whether anything in the container got on with something since it was asked."""
    for probe in list(idling):
        if time.monotonic_ns() < probe["until"]:
            continue
        idling.remove(probe)
        busy = []
        for (pid, born), uses in others().items():
            try:
                came = (pid, born) not in probe["used"]
                if came or uses - probe["used"][pid, born] > REST_USES or in_state(pid, (b"R", b"D")):
                    busy.append(b" ".join(cmdline(pid)).decode("utf-8", "replace"))
            except (FileNotFoundError, ProcessLookupError):
                pass
        say("reply", id=probe["id"], ok=not busy, why=clean(", ".join(busy)[:200]))


def watch_starts():
    """Looks at gateways whose start is to come to its end."""
    for probe in list(starting):
        pid, now, left = probe["pid"], time.monotonic_ns(), True
        try:
            if start_time(pid) != probe["st"]:
                left, ok, why = False, False, "it has ended"
            else:
                uses = used(pid)
                if in_state(pid, (b"R", b"D", b"T")) or uses - probe["used"] > REST_USES:
                    probe["since"], probe["used"] = now, uses
                if now - probe["since"] >= REST:
                    say("live", p=probe["p"], pid=pid, st=probe["st"], t=time.time_ns())
                    left, ok, why = False, True, ""
                elif now > probe["until"]:
                    left, ok, why = False, False, f"it has used {uses // 1_000_000} ms of processor and goes on"
        except (OSError, ValueError, IndexError) as error:
            left, ok, why = False, False, f"its processor time cannot be read: {error}"
        if not left:
            starting.remove(probe)
            say("reply", id=probe["id"], ok=ok, why=why)


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().split(b"\0")[:-1]
    except OSError:
        return []


def parent(pid):
    """The pid of its parent; 0 for a process that was put into the container from outside."""
    return whole(stat_field(pid, 4))


def is_zombie(pid):
    """True if it has ended and its parent has not asked how."""
    return stat_field(pid, 3) == b"Z"


def commands_running():
    """The command of every process but the first."""
    pids = (entry for entry in os.listdir("/proc") if entry.isdigit() and entry != "1")
    return [argv for argv in map(cmdline, pids) if argv]


def gateway_of(argv):
    """The profile whose gateway's command this is: `PROGRAM [FLAG PROFILE] RUN …`, also after its interpreter.

    `None` if it is another command. A script or an init that has such a command among its words is no gateway.
    """
    first = 1 if argv and os.path.basename(argv[0]).startswith(b"python") else 0
    if os.path.basename((argv[first:] + [b""])[0]) != PROGRAM:
        return None
    rest = argv[first + 1 :]
    name = os.fsencode(DEFAULT)
    if rest[:1] == [FLAG]:
        name, rest = (rest + [b""])[1], rest[2:]
    return clean(os.fsdecode(name)) if rest[: len(RUN)] == RUN else None


def is_gateway(argv, profile):
    return gateway_of(argv) == clean(profile)


def count(profile, pid):
    same = cmdline(pid) if pid else None
    if pid and not is_gateway(same, profile):
        # Still on its way from the supervisor through the run script: nothing else can look like it.
        return 1
    # With one supervised, its likes; with none, whatever looks like a gateway of that profile.
    found = sum(argv == same if same else is_gateway(argv, profile) for argv in commands_running())
    return max(found, 1) if pid else found


def deaths(slot):
    """The supervisor's death tally, oldest first: [["code", 0], ["signal", "SIGKILL"]]."""
    try:
        tally = os.stat(f"{slot}/{SUPERVISE}/{DEATHS}", follow_symlinks=False)
        stamp = (tally.st_ino, tally.st_mtime_ns, tally.st_size)
    except OSError:
        # Where it is kept is the supervisor's business: then it is asked each time.
        stamp = None
    last, out = tallies.get(slot, (None, []))
    if stamp is not None and last == stamp:
        return out
    out = ask_deaths(slot)
    tallies[slot] = (stamp, out)
    return out


def ask_deaths(slot):
    out = []
    for line in (run(FACTS["deaths_tool"], slot) or "").splitlines():
        words = line.split()
        for i, word in enumerate(words):
            if word.startswith("exitcode") or word == "exit":
                digits = "".join(c for c in " ".join(words[i:]) if c.isdigit())
                out.append(["code", int(digits or -1)])
                break
            if word.startswith("signal"):
                out.append(["signal", words[-1]])
                break
    return out


def slot_of(profile):
    """The directory of a slot: the one with its name, or the one that had it last, whatever its name is now.

    At the end of the container the init hides the slots, and their processes go on for up to 3 s. `None` if it is gone.
    """
    path = os.path.join(SCAN, PREFIX + profile)
    try:
        now = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        now = None
    if now is not None:
        if profile in opened:
            os.close(opened[profile])
        opened[profile] = now
        return path
    if profile not in opened:
        return None
    # The kernel follows the renaming.
    path = os.readlink(f"/proc/self/fd/{opened[profile]}")
    if os.path.dirname(path) == SCAN and os.path.isdir(path):
        return path
    os.close(opened.pop(profile))
    return None


def status(profile, slot):
    if slot is None:
        return {"slot": False}
    hidden = os.path.basename(slot) != PREFIX + profile
    facts = {"slot": not hidden, "down": os.path.exists(os.path.join(slot, DOWN))}
    answer = (run(FACTS["status_tool"], "-o", FIELDS, slot) or "").split()
    status_file = os.path.join(slot, SUPERVISE)
    if not answer and os.path.lexists(status_file) and not os.access(status_file, os.R_OK | os.X_OK):
        # Not a word of the supervisor's: whoever looks may not.
        say("blind", d=f"the supervisor's status of {clean(profile)} cannot be read as uid {os.getuid()}")
    if len(answer) == 3:
        up = answer[0] == "true"
        pid = int(answer[2]) if up and answer[2].isdigit() else None
        facts.update(up=up, want=answer[1] == "true", pid=pid, st=start_time(pid) if pid else None)
        facts["procs"] = count(profile, pid)
        facts["deaths"] = deaths(slot)
    return facts


def tell_gateways():
    """How many processes are a gateway, by profile, whoever started them."""
    counts = {}
    for argv in commands_running():
        profile = gateway_of(argv)
        if profile is not None:
            counts[profile] = counts.get(profile, 0) + 1
    if counted != [counts]:
        counted[:] = [counts]
        say("gateways", counts=counts, t=time.time_ns())


def tell_zombies():
    """How many processes have ended and are still in the table."""
    count = sum(is_zombie(entry) for entry in os.listdir("/proc") if entry.isdigit())
    if ended != [count]:
        ended[:] = [count]
        say("zombies", count=count, t=time.time_ns())


def slots():
    try:
        names = os.listdir(SCAN)
    except OSError:
        names = []
    live = [n[len(PREFIX) :] for n in names if n.startswith(PREFIX) and not n.endswith(".tmp")]
    return sorted(set(live) | set(told))


def changed(slot):
    """When the supervisor last wrote what it says of a slot: not when we came to look."""
    newest = 0
    if slot is None:
        return newest
    for path in (slot, f"{slot}/{SUPERVISE}/{STATUS}", f"{slot}/{SUPERVISE}/{DEATHS}"):
        try:
            newest = max(newest, os.stat(path, follow_symlinks=False).st_mtime_ns)
        except OSError:
            pass
    return newest


def tell(profile):
    # Before it is asked: what is written meanwhile is another change.
    slot = slot_of(profile)
    at = changed(slot)
    facts = status(profile, slot)
    # What no file shows, such as a process that came or went, is known since now.
    written = at > written_at.get(profile, 0)
    written_at[profile] = at
    if told.get(profile) != facts:
        told[profile] = facts
        # A slot's times never go back: a file may have been written just before the present that was told last.
        told_at[profile] = max(at if written else time.time_ns(), told_at.get(profile, 0))
        say("svc", p=clean(profile), t=told_at[profile], **facts)


def arm(profile):
    slot = os.path.join(SCAN, PREFIX + profile)
    watch.add(slot, MASK)
    watch.add(os.path.join(slot, SUPERVISE), MASK)


def tell_first():
    """PID 1 becomes the supervisor in the course of the boot."""
    name = comm(1)
    if [name] != first:
        first[:] = [name]
        say("init", comm=name, t=time.time_ns())


def tell_slots():
    """The names in the scan directory: how the init hides slots at the end of the container is seen by them."""
    try:
        names = sorted(clean(name) for name in os.listdir(SCAN) if name != CONTROL)
    except OSError:
        names = []
    if names != shown:
        shown[:] = names
        say("slots", names=names, t=time.time_ns())


def tell_signals():
    """What a process got that was put into the container, as the agent was: only what goes to every process."""
    try:
        data = os.read(SIGNALS, 16 * SIGNAL)
    except BlockingIOError:
        return
    for at in range(0, len(data), SIGNAL):
        (number,) = struct.unpack_from("I", data, at)
        say("signal", d=signal.Signals(number).name, t=time.time_ns())


def refresh():
    # The boot empties and recreates the scan directory, which ends a watch on it without a word.
    watch.add(os.path.dirname(SCAN), CREATE | MOVED_TO)
    watch.add(SCAN, MASK)
    tell_first()
    tell_slots()
    tell_gateways()
    tell_zombies()
    for profile in slots():
        arm(profile)
        tell(profile)


def handle(events):
    dirty = set()
    for directory, mask, name in events:
        if directory is None:
            continue
        if directory in (os.path.dirname(SCAN), SCAN) or mask & OVERFLOW:
            refresh()
        elif directory.startswith(SCAN + "/" + PREFIX):
            # A logger's supervise directory is not watched; what is left are the slot itself and its own supervise.
            inner = directory[len(SCAN) + 1 + len(PREFIX) :].split("/")[0]
            if name == SUPERVISE:
                arm(inner)
            dirty.add(inner)
        elif name == FACTS["state"]:
            try_holds()
        elif name == FACTS["marker"] and mask & (DELETE | MOVED_FROM):
            spring(directory)
    for profile in dirty:
        tell(profile)


def home(profile):
    return DATA if profile == DEFAULT else os.path.join(DATA, FACTS["profiles"], profile)


def state_of(profile):
    _, kind, text = slurp(os.path.join(home(profile), FACTS["state"]))
    try:
        value = json.loads(text) if kind == "text" else {}
    except ValueError:
        value = {}
    return value if isinstance(value, dict) else {}


def try_holds():
    for hold in list(holds):
        value = state_of(hold["p"])
        pid = value.get(PID)
        if value.get(STATE) != hold["state"] or not isinstance(pid, int):
            continue
        if start_time(pid) is None or start_time(pid) != value.get(START_TIME):
            continue
        holds.remove(hold)
        try:
            os.kill(pid, signal.SIGSTOP)
        except OSError as error:
            say("reply", id=hold["id"], ok=False, why=os.strerror(error.errno))
            continue
        after = state_of(hold["p"]).get(STATE)
        held[hold["p"]] = pid
        say("reply", id=hold["id"], ok=after == hold["state"], pid=pid, st=start_time(pid), why=f"frozen in {after}")


def spring(directory):
    """The marker of that home has been taken: the signals that wait for it go out."""
    for waiting in list(marker_signals):
        if home(waiting["p"]) == directory:
            marker_signals.remove(waiting)
            kill(waiting)


def kill(command):
    pid = 1 if command.get("init") else gateway_pid(command.get("p", DEFAULT))
    if pid is None:
        say("reply", id=command.get("id"), ok=False, why="no gateway process runs")
        return
    born = start_time(pid)
    os.kill(pid, command["sig"])
    say("reply", id=command.get("id"), ok=True, pid=pid, st=born)


def gateway_pid(profile):
    # A signal may have a window of milliseconds to hit: only a process that is gone is worth asking the supervisor.
    known = told.get(profile, {})
    if known.get("pid") and start_time(known["pid"]) == known.get("st"):
        return known["pid"]
    tell(profile)
    return told.get(profile, {}).get("pid")


def oom(profile, pid, limit):
    """Makes the gateway the kernel's first choice, then uses memory up until it is gone.

    A score of 1000 counts as much as the whole limit in use, so nothing beats it as long as the one that uses the memory
    up has no score of its own.
    """
    with open(f"/proc/{pid}/oom_score_adj", "w") as f:
        f.write("1000")
    born = start_time(pid)
    child = os.fork()
    if child == 0:
        hoard = []
        while start_time(pid) == born and len(hoard) * 4 < limit:
            hoard.append(bytearray(os.urandom(4096) * 1024))
        os._exit(0)


def act(command):
    what, number, profile = command["c"], command.get("id"), command.get("p", DEFAULT)
    if what == "sync":
        tell_signals()
        handle(watch.read())
        refresh()
        say("sync", id=number)
    elif what == "hold":
        holds.append(command)
        watch.add(home(profile), HOME)
        say("armed", id=number)
        try_holds()
    elif what == "release":
        pid = held.pop(profile, None)
        if pid is None:
            say("reply", id=number, ok=False, why="nothing is held")
        else:
            os.kill(pid, signal.SIGCONT)
            say("reply", id=number, ok=True, pid=pid, st=start_time(pid))
    elif what == "signal-on-marker":
        marker_signals.append(command)
        watch.add(home(profile), HOME)
        say("armed", id=number)
    elif what == "live":
        now = time.monotonic_ns()
        starting.append({**command, "since": now, "used": 0, "until": now + command["limit"] * 1_000_000})
        watch_starts()
    elif what == "idle":
        idling.append({**command, "used": others(), "until": time.monotonic_ns() + REST})
    elif what == "execs":
        # Beside the first process and this one.
        pids = (int(entry) for entry in os.listdir("/proc") if entry.isdigit())
        count = sum(parent(pid) == 0 for pid in pids if pid not in (1, os.getpid()))
        say("reply", id=number, ok=count >= command["least"], why=f"{count} run")
    elif what == "kill":
        kill(command)
    elif what == "oom":
        pid = gateway_pid(profile)
        if pid is None:
            say("reply", id=number, ok=False, why="no gateway process runs")
            return
        oom(profile, pid, command["limit"])
        say("reply", id=number, ok=True, pid=pid, st=start_time(pid))


signal.signal(signal.SIGCHLD, signal.SIG_DFL)
# The container's end begins with a SIGTERM to every process, up to 3 s before the last: what they tell is evidence.
SIGNALS = signals((signal.SIGTERM, signal.SIGHUP, signal.SIGINT))
commands = Commands()
poll = select.poll()
poll.register(0, select.POLLIN)
poll.register(watch.fd, select.POLLIN)
poll.register(SIGNALS, select.POLLIN)
say("hello", init=start_time(1), comm=comm(1))
refresh()
while True:
    for fd, _ in poll.poll(LOOK if starting or idling else None):
        if fd == 0:
            for command in commands.read():
                try:
                    # A state that was there when the command was sent comes first: what is held can be released.
                    try_holds()
                    act(command)
                except OSError as error:
                    say("reply", id=command.get("id"), ok=False, why=os.strerror(error.errno or 0))
        elif fd == SIGNALS:
            tell_signals()
        else:
            handle(watch.read())
    watch_starts()
    watch_idle()
