# A source tree of hermes-agent on its dependencies (dependencies.Dockerfile), so that an edit rebuilds only this
# image. The archive is copied as one file, because a step with thousands of files takes seconds longer on some
# storage drivers.
ARG DEPENDENCIES
FROM ${DEPENDENCIES}
COPY source.tar /opt/comeback/source.tar
# Built in memory (`--shm-size 1g`), with an uncompressed wheel that is unpacked at once: this takes a third of the
# time.
RUN printf '[bdist_wheel]\ncompression = stored\n' >/dev/shm/wheel.cfg && \
    DIST_EXTRA_CONFIG=/dev/shm/wheel.cfg TMPDIR=/dev/shm UV_LINK_MODE=copy \
    /opt/comeback/install source /opt/comeback/source.tar
