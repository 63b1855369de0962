"""The container's command of contract.rs: says what the gateway's code finds here, as one line of JSON."""

import json
import os
import pwd
import subprocess
import sys
import time

SLOT = "/run/service/gateway-default"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def said(*argv, **more):
    run = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **more)
    return run.stdout.decode().strip()


def owner(path):
    return os.stat(path).st_uid


# The rescan was asked for before this began; the supervisor acts on it in its own time.
deadline = time.monotonic() + 20
while not os.path.exists(SLOT + "/supervise/status") and time.monotonic() < deadline:
    time.sleep(0.02)
user = pwd.getpwnam("hermes")
print("CONTRACT " + json.dumps({
    "hermes": [user.pw_uid, user.pw_dir],
    "uid": os.getuid(),
    "pid1": read("/proc/1/cmdline").split("\0")[0],
    "scandir": "/run/service" in read("/proc/1/cmdline").split("\0"),
    "basedir": os.path.isdir("/run/s6/basedir"),
    "venv": os.path.realpath(sys.prefix),
    "python": "%d.%d" % sys.version_info[:2],
    # The library that the tool is linked with, not what a package's name promises.
    "s6": said("/command/s6-svstat", env={"LD_TRACE_LOADED_OBJECTS": "1"}),
    # Without the environment it would otherwise inherit.
    "contenv": said("/command/with-contenv", "/usr/bin/printenv", "SEEN", env={"PATH": "/command:/usr/bin:/bin"}),
    "control": os.access("/run/service/.s6-svscan/control", os.W_OK),
    "owners": {path: owner(path) for path in
               ("/opt/data", "/opt/data/gateway_state.json", "/opt/data/logs/container-boot.log", SLOT, "/run/service")},
    "boots": read("/opt/data/logs/container-boot.log").splitlines(),
    "wanted": said("/command/s6-svstat", "-o", "wantedup", SLOT),
}))
