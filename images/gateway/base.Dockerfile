# The base of the gateway images where Debian's image can be pulled; elsewhere `comeback` bootstraps the same from
# Debian's packages. rootfs.tar holds rootfs/, uv and the host's CA bundle.
ARG DEBIAN
FROM ${DEBIAN}
# First, so that what a broken build leaves behind carries it too.
LABEL comeback.image=gateway
ARG PACKAGES
ADD rootfs.tar /
RUN /opt/comeback/setup-pulled ${PACKAGES} && /opt/comeback/setup-base
ENV PATH=/opt/hermes/.venv/bin:/command:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HERMES_HOME=/opt/data HERMES_DISABLE_LAZY_INSTALLS=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# No VOLUME: the harness mounts its own, and a build that is cut short would leave one that nobody can tell is ours.
ENTRYPOINT ["/init"]
CMD ["sleep", "infinity"]
