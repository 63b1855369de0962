# The base of the gateway images, for machines that can pull Debian's image. Elsewhere `comeback` bootstraps the same
# base from Debian's packages. rootfs.tar holds rootfs/, uv and the host's CA bundle.
ARG DEBIAN
FROM ${DEBIAN}
# First, so that leftovers of a failed build have the label too.
LABEL comeback.image=gateway
ARG PACKAGES
ADD rootfs.tar /
RUN /opt/comeback/setup-pulled ${PACKAGES} && /opt/comeback/setup-base
ENV PATH=/opt/hermes/bin:/opt/hermes/.venv/bin:/opt/data/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HERMES_HOME=/opt/data HERMES_DISABLE_LAZY_INSTALLS=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# No VOLUME: the harness mounts its own volume, and an interrupted build would leave one without a label.
ENTRYPOINT ["/init", "/opt/hermes/docker/main-wrapper.sh"]
CMD ["sleep", "infinity"]
