"""The planned-stop marker cannot be written: the volume has no room for it. The stop goes on without, as it should, and
the gateway takes it for an accident.

A real regression like it: the marker moves to a folder that does not exist or belongs to somebody else, and nobody looks
at what write_planned_stop_marker returns.
"""

import errno
import os

from comeback_overlay import mentions, patches, replace, require


@patches("gateway.status")
def no_room(module):
    writer = require(getattr(module, "write_planned_stop_marker", None), "gateway.status writes no marker")
    for name in ("_write_json_file", "_get_planned_stop_marker_path"):
        require(mentions(writer, name), f"write_planned_stop_marker does not use {name}")

    def failing(original):
        def write(path, *args, **kwargs):
            if path == module._get_planned_stop_marker_path():
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            return original(path, *args, **kwargs)

        return write

    replace(module, "_write_json_file", failing)
