"""At boot the reconciler starts no gateway, whatever its last state: a gateway that ran before a restart of the
container stays down.

A similar real regression: the gateway persists its state under another name than the reconciler looks for.
"""

from comeback_overlay import mentions, patches, require


@patches("hermes_cli.container_boot")
def start_none(module):
    require(getattr(module, "_AUTOSTART_STATES", None), "container_boot has no _AUTOSTART_STATES")
    require(mentions(module.reconcile_profile_gateways, "_AUTOSTART_STATES"), "the reconciler uses no _AUTOSTART_STATES")
    module._AUTOSTART_STATES = frozenset()
