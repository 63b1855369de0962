"""A gateway that is shutting down leaves its state file as it is: what was written while it ran stays the last word,
also after an explicit stop.

A real regression like it: the shutdown is cut short before it gets to the state file, and writing it fails silently.
"""

import sys

from comeback_overlay import fail, mentions, patches, replace, require


@patches("gateway.run")
def fall_silent(module):
    runner = module.GatewayRunner
    require(mentions(runner.stop, "_update_runtime_status"), "GatewayRunner.stop persists no state")
    require(mentions(runner._update_runtime_status, "write_runtime_status"), "states are persisted in another way")

    def stopping(original):
        def stop(self, *args, **kwargs):
            # It is imported where it is called, so this reaches every caller.
            status = sys.modules.get("gateway.status")
            if not hasattr(status, "write_runtime_status"):
                fail("gateway.status has no write_runtime_status")
            status.write_runtime_status = lambda *args, **kwargs: None
            return original(self, *args, **kwargs)

        return stop

    replace(runner, "stop", stopping)
