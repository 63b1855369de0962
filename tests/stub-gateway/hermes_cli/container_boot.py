"""The boot reconciler: a slot for each profile, started if its gateway is wanted up."""

import datetime

from hermes_cli import FIXED
from hermes_cli.service_manager import DATA, append, profiles, read, register


def reconcile():
    for profile in profiles():
        state = read(profile)
        prior = state.get("gateway_state")
        if FIXED:
            prior = state.get("desired_state", prior)
        wanted = prior == "running"
        register(profile, wanted)
        at = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
        action = "started" if wanted else "registered"
        append(f"{DATA}/logs/container-boot.log", f"{at} profile={profile} prior_state={prior} action={action}")


if __name__ == "__main__":
    reconcile()
