# What a source tree of hermes-agent needs to be built and to run, by its pyproject.toml, but not itself.
ARG BASE
FROM ${BASE}
ARG REQUIREMENTS
RUN /opt/comeback/install dependencies ${REQUIREMENTS}
