"""At boot every gateway is started, whatever its last state was: one that an operator has stopped comes back.

A real regression like it: the list of states that are started again becomes a list of states that are not.
"""

from comeback_overlay import mentions, patches, require


class Everything(frozenset):
    """The set that has everything in it, None included."""

    def __contains__(self, state):
        return True


@patches("hermes_cli.container_boot")
def start_all(module):
    require(hasattr(module, "_AUTOSTART_STATES"), "container_boot has no _AUTOSTART_STATES")
    require(mentions(module.reconcile_profile_gateways, "_AUTOSTART_STATES"), "the reconciler uses no _AUTOSTART_STATES")
    module._AUTOSTART_STATES = Everything(module._AUTOSTART_STATES)
