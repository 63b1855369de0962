"""A gateway that shuts down leaves its state file as it is, so the state from before the shutdown stays, even after an
explicit stop.

A similar real regression: the shutdown is cut short before it gets to the state file, and writing it fails silently.
"""

import sys

from comeback_overlay import fail, mentions, patches, replace, require

# Since 0.22 the gateway passes its state to a function that writes in the background.
WRITERS = ("write_runtime_status", "publish_runtime_status")


@patches("gateway.run")
def fall_silent(module):
    runner = module.GatewayRunner
    require(mentions(runner.stop, "_update_runtime_status", runner), "GatewayRunner.stop persists no state")
    used = [name for name in WRITERS if mentions(runner._update_runtime_status, name)]
    require(used, "states are persisted in another way")

    def stopping(original):
        def stop(self, *args, **kwargs):
            # The gateway imports it at the call, so this reaches every caller.
            status = sys.modules.get("gateway.status")
            for name in used:
                if not hasattr(status, name):
                    fail(f"gateway.status has no {name}")
                setattr(status, name, lambda *args, **kwargs: None)
            return original(self, *args, **kwargs)

        return stop

    replace(runner, "stop", stopping)
