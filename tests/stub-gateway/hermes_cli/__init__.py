__version__ = "0.17.0"
# With the fix of #42675, or without.
FIXED = __version__ >= "0.17"
