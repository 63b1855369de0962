"""Loads one fault overlay into each Python process of a gateway's venv, and offers functions for overlays.

`comeback` puts this package into the venv's site-packages before a container is started: as `comeback_overlay`, with a
`comeback_overlay.pth` that calls `load` at interpreter start, the overlay in `faults/`, and the empty file `said`.

If an overlay cannot be loaded, or does not find the code it breaks, it ends the process with exit code 97: a fault that
is silently missing would make the real gateway look robust. Each process writes to `said` whether the fault is in force
there, one JSON object per line. Without such a line from the process that the fault is meant for, `comeback` makes the
case an error. The same goes to standard error, for people.
"""

import functools
import importlib.abc
import importlib.util
import inspect
import os
import sys
import time
import types

_HERE = os.path.dirname(os.path.abspath(__file__))
_name = None


def patches(target):
    """Calls the decorated function with the module `target` after it has been loaded and before it is used.

    This imports nothing itself: a process that never imports the module runs as it would without the overlay.
    """

    def register(patch):
        sys.meta_path.insert(0, _Finder(target, patch))
        return patch

    return register


def require(value, why):
    """Returns `value`. If it is false, the code that the overlay breaks is missing, and the process ends."""
    if not value:
        fail(why)
    return value


def fail(why):
    """Ends the process, because the overlay cannot work. Not by an exception, which the gateway might catch."""
    try:
        _say(f"failed: {why}", failed=str(why))
    finally:
        os._exit(97)


def replace(owner, name, wrapper):
    """Replaces a function or method by `wrapper(original)`. It has to exist."""
    original = require(getattr(owner, name, None), f"{owner.__name__} has no {name}")
    replacement = functools.wraps(original)(wrapper(original))
    setattr(owner, name, replacement)
    return replacement


def mentions(function, name, owner=None):
    """Whether a function uses a name as a variable, an attribute, or a string for getattr: itself, in a nested function, or
    in a function of its package that it calls by name (functions of its module, and methods of the class `owner`).
    """
    package = function.__module__.partition(".")[0]
    seen, functions = set(), [function]
    while functions:
        current = inspect.unwrap(functions.pop())
        if current in seen:
            continue
        seen.add(current)
        codes = [current.__code__]
        while codes:
            code = codes.pop()
            if name in code.co_names or name in code.co_consts:
                return True
            codes.extend(const for const in code.co_consts if hasattr(const, "co_names"))
            for called in code.co_names:
                for found in (current.__globals__.get(called), getattr(owner, called, None)):
                    if isinstance(found, types.FunctionType) and found.__module__.partition(".")[0] == package:
                        functions.append(found)
    return False


class _Finder(importlib.abc.MetaPathFinder):
    """Finds one module through the finders after it, and wraps its loader."""

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
    """Loads a module with its own loader, then patches it."""

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
        _say(f"is on: {module.__name__}", on=module.__name__)

    def get_code(self, name):
        # `python -m` asks for the code and runs it as __main__, without exec_module. So it gets code that imports the
        # module, which patches it, and calls its main().
        source = (
            f"import comeback_overlay, {name} as module\n"
            "main = comeback_overlay.require(getattr(module, 'main', None), module.__name__ + ' has no main')\n"
            "raise SystemExit(main())\n"
        )
        return compile(source, f"<comeback overlay {_name}>", "exec")


def load(name):
    """Loads an overlay at interpreter start. Only once, because some gateways read their site-packages a second time."""
    global _name
    if _name is not None:
        return
    _name = name
    try:
        path = os.path.join(_HERE, "faults", name + ".py")
        spec = importlib.util.spec_from_file_location("comeback_overlay.faults." + name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    except BaseException as error:
        fail(f"{type(error).__name__}: {error}")


def _say(words, **effect):
    """Reports the state of the overlay in this process. `comeback` notices if the report cannot be written."""
    import json

    fact = {"overlay": _name, "process": _process(), "pid": os.getpid(), "start_time": _start_time()}
    fact.update(effect, at=time.time_ns())
    try:
        # Not created: in some directories root may not open a file of another user with O_CREAT, nor `hermes` a file
        # of root's.
        file = os.open(os.path.join(_HERE, "said"), os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, (json.dumps(fact) + "\n").encode())
        finally:
            os.close(file)
    except OSError as error:
        print(f"comeback overlay {_name}: its report is lost: {error}", file=sys.stderr)
    print(f"comeback overlay {_name} {words}", file=sys.stderr, flush=True)


def _process():
    """The kind of this process: the reconciler, a gateway, or a command such as an operator's."""
    words = sys.orig_argv
    if "hermes_cli.container_boot" in words:
        return "reconciler"
    return "gateway" if ("gateway", "run") in zip(words, words[1:]) else "command"


def _start_time():
    """Field 22 of stat: the process's start, in clock ticks since the host's boot. With the pid it identifies a process."""
    with open("/proc/self/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[19])
