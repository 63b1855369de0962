"""`hermes gateway stop` stops the service without a marker. This undoes the half of the fix in service_manager.py, and an
operator's stop looks unplanned to the gateway.

A similar real regression: the output format of s6-svstat changes, and the pid is no longer found in it.
"""

from comeback_overlay import mentions, patches, replace, require


@patches("hermes_cli.service_manager")
def announce_nothing(module):
    manager = module.S6ServiceManager
    require(mentions(manager.stop, "_supervised_pid"), "S6ServiceManager.stop asks for no _supervised_pid")
    require(mentions(manager.stop, "write_planned_stop_marker"), "S6ServiceManager.stop writes no marker anyway")
    replace(manager, "_supervised_pid", lambda original: lambda self, name: None)
