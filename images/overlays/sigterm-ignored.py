"""The gateway ignores SIGTERM. Whoever wants it gone has to wait for a SIGKILL; what it would have persisted is lost.

A real regression like it: a library installs its own handler over the gateway's, or the loop that runs it is blocked.
"""

import asyncio
import signal

from comeback_overlay import mentions, patches, replace, require


@patches("gateway.run")
def ignore(module):
    require(mentions(module.start_gateway, "add_signal_handler"), "start_gateway installs its handlers in another way")

    def starting(original):
        async def start_gateway(*args, **kwargs):
            loop = asyncio.get_running_loop()
            install = loop.add_signal_handler

            def add_signal_handler(number, callback, *callback_args):
                if number == signal.SIGTERM:
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                else:
                    install(number, callback, *callback_args)

            loop.add_signal_handler = add_signal_handler
            return await original(*args, **kwargs)

        return start_gateway

    replace(module, "start_gateway", starting)
