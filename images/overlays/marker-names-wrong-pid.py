"""The planned-stop marker names the process that writes it instead of the gateway: the gateway finds a marker that is
not meant for it and takes the stop for an accident.

A real regression like it: the pid is read from a pid file that is out of date, or the supervisor's is taken for the
service's.
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
