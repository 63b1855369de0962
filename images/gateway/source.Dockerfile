# A source tree of hermes-agent on top of what it depends on (dependencies.Dockerfile), so that an edit rebuilds only this.
# The archive is copied as one file: a step with thousands of files takes some storage drivers seconds more.
ARG DEPENDENCIES
FROM ${DEPENDENCIES}
COPY source.tar /opt/comeback/source.tar
# In memory (`--shm-size 1g`), and with a wheel that is not compressed to be unpacked a second later: a third of the time.
RUN printf '[bdist_wheel]\ncompression = stored\n' >/dev/shm/wheel.cfg && \
    DIST_EXTRA_CONFIG=/dev/shm/wheel.cfg TMPDIR=/dev/shm UV_LINK_MODE=copy \
    /opt/comeback/install source /opt/comeback/source.tar
