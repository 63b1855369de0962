#!/command/with-contenv sh
# shellcheck shell=sh
# Runs the container's command as hermes: a program as it is, anything else as a subcommand of `hermes`, and without
# arguments `hermes` itself. The path is the official image's, because the reconciler finds the command in /proc by
# it.
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
