"""`hermes gateway stop` brings the service down without announcing it: the half of the fix in service_manager.py is
gone, and the gateway takes an operator's stop for an accident.

A real regression like it: s6-svstat words its answer differently, and the pid is no longer found in it.
"""

from comeback_overlay import mentions, patches, replace, require


@patches("hermes_cli.service_manager")
def announce_nothing(module):
    manager = module.S6ServiceManager
    require(mentions(manager.stop, "_supervised_pid"), "S6ServiceManager.stop asks for no _supervised_pid")
    require(mentions(manager.stop, "write_planned_stop_marker"), "S6ServiceManager.stop writes no marker anyway")
    replace(manager, "_supervised_pid", lambda original: lambda self, name: None)
