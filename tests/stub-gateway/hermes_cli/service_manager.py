"""The slots of gateways, and their files on the volume."""

import datetime
import fcntl
import json
import os
import subprocess
import time

SCAN = "/run/service"
DATA = "/opt/data"
RUN = """#!/command/with-contenv sh
export HOME=/opt/data
cd /opt/data
. /opt/hermes/.venv/bin/activate
export HERMES_S6_SUPERVISED_CHILD=1
[ "$(id -u)" = 0 ] || exec hermes{flags} gateway run --replace
exec s6-setuidgid hermes hermes{flags} gateway run --replace
"""


def home(profile):
    return DATA if profile == "default" else f"{DATA}/profiles/{profile}"


def profiles():
    """The default profile, and every directory with a SOUL.md."""
    root = f"{DATA}/profiles"
    names = sorted(os.listdir(root)) if os.path.isdir(root) else []
    return ["default"] + [name for name in names if os.path.exists(f"{root}/{name}/SOUL.md")]


def slot(profile):
    return f"{SCAN}/gateway-{profile}"


def tool(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()


def register(profile, start):
    """Makes the slot where it is not there, and tells the supervisor. A slot with a `down` file is not started."""
    new = f"{SCAN}/.gateway-{profile}.tmp"
    os.makedirs(new, exist_ok=True)
    flags = "" if profile == "default" else f" -p {profile}"
    with open(f"{new}/run", "w") as file:
        file.write(RUN.format(flags=flags))
    os.chmod(f"{new}/run", 0o755)
    if not start:
        open(f"{new}/down", "w").close()
    # The supervisor is root's. What is there before it looks stays hermes's.
    for directory in ("event", "supervise"):
        os.makedirs(f"{new}/{directory}", exist_ok=True)
    os.mkfifo(f"{new}/supervise/control", 0o600)
    os.rename(new, slot(profile))
    tool("s6-svscanctl", "-a", SCAN)


def control(profile, *flags):
    """Tells the supervisor of a slot. It may not have looked at a new slot yet."""
    until = time.monotonic() + 10
    while subprocess.run(["s6-svok", slot(profile)]).returncode and time.monotonic() < until:
        time.sleep(0.01)
    tool("s6-svc", *flags, slot(profile))


def supervised(profile):
    pid = tool("s6-svstat", "-o", "pid", slot(profile))
    return int(pid) if pid.isdigit() else None


def start_time(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[19])


def read(profile):
    try:
        with open(f"{home(profile)}/gateway_state.json") as file:
            state = json.load(file)
        return state if isinstance(state, dict) else {}
    except (OSError, ValueError):
        return {}


def write(profile, **keys):
    path = f"{home(profile)}/gateway_state.json"
    # Gateway and command write the same file.
    with open(f"{home(profile)}/gateway.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = {**read(profile), **keys, "updated_at": datetime.datetime.now(datetime.UTC).isoformat()}
        with open(path + ".tmp", "w") as file:
            json.dump(state, file)
        os.replace(path + ".tmp", path)


def append(path, line):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a") as file:
        file.write(line + "\n")
