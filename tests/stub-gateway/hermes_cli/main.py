"""The operator's commands, and the gateway itself."""

import json
import os
import shutil
import signal
import sys
import time

from hermes_cli import FIXED, __version__
from hermes_cli import service_manager as service

# Seconds from one state to the next, as with the real gateway: nobody could see a state that is over at once.
STEP = 0.2
SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1}


def run(profile):
    """The gateway: it is up until a signal comes, and records why it ends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    home, pid = service.home(profile), os.getpid()
    diag = lambda tag: service.append(f"{home}/logs/gateway-exit-diag.log", json.dumps({"tag": tag, "pid": pid}))
    log = lambda text: service.append(f"{home}/logs/gateway.log", text)
    own = {"pid": pid, "kind": "hermes-gateway", "argv": sys.argv, "start_time": service.start_time(pid)}
    diag("gateway.start")
    service.write(profile, **own, gateway_state="starting")
    time.sleep(STEP)
    service.write(profile, **own, gateway_state="running")
    got = signal.Signals(signal.sigwait(SIGNALS))
    service.write(profile, **own, gateway_state="draining")
    time.sleep(STEP)
    if got is signal.SIGUSR1:
        log("Stopping gateway for restart...")
        state, code = "stopped", 75
    elif got is signal.SIGINT or (FIXED and announced(home, pid)):
        log(f"Received {got.name} as a planned gateway stop — exiting cleanly")
        state, code = "stopped", 0
    else:
        log(f"Received {got.name} — initiating shutdown")
        state, code = ("running", 1) if FIXED else ("stopped", 0)
    service.write(profile, **own, gateway_state=state)
    diag("gateway.exit_nonzero" if code else "gateway.exit_clean")
    sys.exit(code)


def announced(home, pid):
    """True if a stop has left its marker for this process. It is used up."""
    path = f"{home}/.gateway-planned-stop.json"
    try:
        with open(path) as file:
            mine = json.load(file).get("target_pid") == pid
        os.remove(path)
        return mine
    except (OSError, ValueError):
        return False


def gateway(verb, profile):
    if verb == "run":
        run(profile)
    elif verb == "start":
        service.control(profile, "-u")
        wanted(profile, "running")
    elif verb == "restart":
        service.control(profile, "-r")
        wanted(profile, "running")
    elif verb == "stop":
        pid = service.supervised(profile)
        if pid and FIXED:
            with open(f"{service.home(profile)}/.gateway-planned-stop.json", "w") as file:
                json.dump({"target_pid": pid}, file)
        service.control(profile, "-wD", "-T", "10000", "-d")
        wanted(profile, "stopped")
    elif verb == "status":
        print("running" if service.supervised(profile) else "stopped")
    else:
        sys.exit(f"unknown command: gateway {verb}")


def wanted(profile, state):
    if FIXED:
        service.write(profile, desired_state=state)


def manage(verb, name):
    home = service.home(name)
    if verb == "create":
        os.makedirs(home)
        open(f"{home}/SOUL.md", "w").close()
        service.register(name, start=False)
    elif verb == "delete":
        service.control(name, "-wD", "-T", "10000", "-d")
        os.rename(service.slot(name), f"{service.SCAN}/.{name}.gone")
        service.tool("s6-svscanctl", "-an", service.SCAN)
        shutil.rmtree(f"{service.SCAN}/.{name}.gone", ignore_errors=True)
        shutil.rmtree(home)


def main():
    words, profile = sys.argv[1:], "default"
    if words[:1] == ["-p"]:
        profile, words = words[1], words[2:]
    if words[:1] == ["gateway"]:
        every = "--all" in words
        for name in service.profiles() if every else [profile]:
            gateway(words[1], name)
    elif words[:1] == ["profile"]:
        manage(words[1], words[2])
    else:
        print(f"Hermes Agent v{__version__}")


if __name__ == "__main__":
    main()
