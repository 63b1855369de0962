# The build and run-time dependencies of a source tree of hermes-agent, according to its pyproject.toml, without the
# tree. `comeback` adds the environment and the entrypoint that the tree's own Dockerfile sets.
ARG BASE
FROM ${BASE}
ARG REQUIREMENTS
RUN /opt/comeback/install dependencies ${REQUIREMENTS}
