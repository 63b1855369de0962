"""The gateway ignores SIGTERM. The engine or the supervisor has to send SIGKILL, so the gateway persists no final state.

A similar real regression: a library replaces the gateway's handler, or the event loop is blocked.
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
