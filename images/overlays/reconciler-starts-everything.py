"""At boot the reconciler starts every gateway, whatever its last state: one that an operator has stopped comes back.

A similar real regression: the list of states to start becomes a list of states not to start.
"""

from comeback_overlay import mentions, patches, require


class Everything(frozenset):
    """A set that contains everything, including None."""

    def __contains__(self, state):
        return True


@patches("hermes_cli.container_boot")
def start_all(module):
    require(hasattr(module, "_AUTOSTART_STATES"), "container_boot has no _AUTOSTART_STATES")
    require(mentions(module.reconcile_profile_gateways, "_AUTOSTART_STATES"), "the reconciler uses no _AUTOSTART_STATES")
    module._AUTOSTART_STATES = Everything(module._AUTOSTART_STATES)
