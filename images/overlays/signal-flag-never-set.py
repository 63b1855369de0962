"""The gateway does not remember an unplanned SIGTERM, so the shutdown persists `stopped`. This undoes the half of the fix
in gateway/run.py, and issue #42675 is back.

A similar real regression: the shutdown is moved to another class and the handler still sets the flag on the old one.
"""

from comeback_overlay import mentions, patches, require

FLAG = "_signal_initiated_shutdown"


@patches("gateway.run")
def forget(module):
    runner = module.GatewayRunner
    require(mentions(module.start_gateway, FLAG), f"start_gateway sets no {FLAG}")
    require(mentions(runner.stop, FLAG, runner), f"GatewayRunner.stop reads no {FLAG}")
    setattr(runner, FLAG, property(lambda self: False, lambda self, value: None))
