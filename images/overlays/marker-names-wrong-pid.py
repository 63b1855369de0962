"""The planned-stop marker has the pid of the process that writes it instead of the gateway's. The gateway ignores a
marker with another pid, so the stop looks unplanned.

A similar real regression: the pid comes from an outdated pid file, or the supervisor's pid is used.
"""

import os

from comeback_overlay import patches, replace


@patches("gateway.status")
def mistake(module):
    replace(
        module,
        "write_planned_stop_marker",
        lambda original: lambda target_pid, *args, **kwargs: original(os.getpid(), *args, **kwargs),
    )
