"""Loads the fault overlay that COMEBACK_OVERLAY names from /opt/comeback/overlays.

Imported at interpreter start by comeback_overlay.pth, only when the variable is set. An overlay that cannot be loaded
ends the process: a fault that was asked for and is silently missing would make the real gateway look robust.
"""

import importlib.util
import os
import sys

_DIRECTORY = "/opt/comeback/overlays"


def _load(name):
    path = os.path.join(_DIRECTORY, name + ".py")
    if os.path.basename(path) != name + ".py" or not os.path.isfile(path):
        known = sorted(entry[:-3] for entry in os.listdir(_DIRECTORY) if entry.endswith(".py"))
        raise FileNotFoundError(f"no fault overlay {name!r} in {_DIRECTORY}; there are: {', '.join(known) or 'none'}")
    spec = importlib.util.spec_from_file_location("comeback_overlays." + name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)


try:
    _load(os.environ["COMEBACK_OVERLAY"])
except BaseException as error:
    print(f"comeback overlay: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(97)
