"""Forks endlessly, as does each fork, and retries when there are no processes left."""
import os
import time

while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.1)
