# A source tree of hermes-agent on its dependencies (dependencies.Dockerfile), so that an edit rebuilds only this
# image. The archive is copied as one file, because a step with thousands of files takes seconds longer on some
# storage drivers.
ARG DEPENDENCIES
FROM ${DEPENDENCIES}
COPY source.tar /opt/comeback/source.tar
# Built in memory (`--shm-size 1g`).
RUN TMPDIR=/dev/shm /opt/comeback/install source /opt/comeback/source.tar
