#!/bin/sh
# The container's command, as hermes: a program is run as it is, anything else is a subcommand of `hermes`; without
# arguments, `hermes`. The path is the official image's: the reconciler finds the command in /proc by it.
set -e
export HOME=/opt/data
. /opt/hermes/.venv/bin/activate
if [ "$#" -eq 0 ] || ! command -v "$1" > /dev/null 2>&1; then
    set -- hermes "$@"
fi
if [ "$(id -u)" = 0 ]; then
    set -- s6-setuidgid hermes "$@"
fi
exec "$@"
