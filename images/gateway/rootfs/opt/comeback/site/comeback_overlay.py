"""Loads the fault overlay that COMEBACK_OVERLAY names from /opt/comeback/overlays, and is what overlays are made with.

Imported at interpreter start by comeback_overlay.pth, only when the variable is set. An overlay that cannot be loaded,
or does not find what it is to break, ends the process with exit code 97: a fault that was asked for and is silently
missing would make the real gateway look robust. Whoever switches an overlay on can tell from standard error whether it
took effect: it says `comeback overlay NAME is on: MODULE` or `comeback overlay NAME failed: WHY`.
"""

import functools
import importlib.abc
import importlib.util
import os
import sys

_DIRECTORY = "/opt/comeback/overlays"
_NAME = os.environ["COMEBACK_OVERLAY"]


def patches(target):
    """Has the decorated function called with the module of that name, once it has been loaded and before it is used.

    Nothing of the gateway is imported for it: a process that never imports the module runs as it would without.
    """

    def register(patch):
        sys.meta_path.insert(0, _Finder(target, patch))
        return patch

    return register


def require(value, why):
    """Ends the process unless there is what the overlay is to break."""
    if not value:
        fail(why)
    return value


def fail(why):
    """Ends the process: the overlay cannot do what it is for. Not an exception: somebody might catch it."""
    try:
        print(f"comeback overlay {_NAME} failed: {why}", file=sys.stderr, flush=True)
    finally:
        os._exit(97)


def replace(owner, name, wrapper):
    """Puts `wrapper(original)` in the place of a function or method, which has to be there."""
    original = require(getattr(owner, name, None), f"{owner.__name__} has no {name}")
    replacement = functools.wraps(original)(wrapper(original))
    setattr(owner, name, replacement)
    return replacement


def mentions(function, name):
    """Whether a function, or one within it, uses that name: as a variable, an attribute, or a string for getattr."""
    codes = [getattr(function, "__wrapped__", function).__code__]
    while codes:
        code = codes.pop()
        if name in code.co_names or name in code.co_consts:
            return True
        codes.extend(const for const in code.co_consts if hasattr(const, "co_names"))
    return False


class _Finder(importlib.abc.MetaPathFinder):
    """Finds one module, by the finders that come after it, and wraps its loader."""

    def __init__(self, target, patch):
        self._target, self._patch, self._busy = target, patch, False

    def find_spec(self, name, path=None, target=None):
        if name != self._target or self._busy:
            return None
        self._busy = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._busy = False
        if spec is not None:
            spec.loader = _Loader(spec.loader, self._patch)
        return spec


class _Loader(importlib.abc.Loader):
    """Loads a module as its own loader does, then has it patched."""

    def __init__(self, loader, patch):
        self._loader, self._patch = loader, patch

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)
        try:
            self._patch(module)
        except BaseException as error:
            fail(f"{module.__name__}: {type(error).__name__}: {error}")
        print(f"comeback overlay {_NAME} is on: {module.__name__}", file=sys.stderr, flush=True)

    def get_code(self, name):
        # `python -m` asks for the code and runs it as __main__, past exec_module. So it gets code that imports the
        # module, patched like for anybody else, and calls its main().
        source = (
            f"import comeback_overlay, {name} as module\n"
            "main = comeback_overlay.require(getattr(module, 'main', None), module.__name__ + ' has no main')\n"
            "raise SystemExit(main())\n"
        )
        return compile(source, f"<comeback overlay {_NAME}>", "exec")


def _load(name):
    path = os.path.join(_DIRECTORY, name + ".py")
    if os.path.basename(path) != name + ".py" or not os.path.isfile(path):
        known = sorted(entry[:-3] for entry in os.listdir(_DIRECTORY) if entry.endswith(".py"))
        raise FileNotFoundError(f"not in {_DIRECTORY}; there are: {', '.join(known) or 'none'}")
    spec = importlib.util.spec_from_file_location("comeback_overlays." + name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)


try:
    _load(_NAME)
except BaseException as error:
    fail(f"{type(error).__name__}: {error}")
