# A source tree of hermes-agent on top of what it depends on (dependencies.Dockerfile), so that an edit rebuilds only this.
# The archive is copied as one file: a step with thousands of files takes some storage drivers seconds more.
ARG DEPENDENCIES
FROM ${DEPENDENCIES}
COPY source.tar /opt/comeback/source.tar
RUN /opt/comeback/install source /opt/comeback/source.tar
