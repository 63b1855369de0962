"""The planned-stop marker cannot be written, because the volume is full. The stop continues without it, as it should, and
looks unplanned to the gateway.

A similar real regression: the marker moves to a folder that does not exist or belongs to another user, and the result of
write_planned_stop_marker is not checked.
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
