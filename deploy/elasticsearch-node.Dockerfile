# An Elasticsearch node with its agent. Built from the root of the clone: docker build -f deploy/elasticsearch-node.Dockerfile .
ARG ES_VERSION=9.5.3
ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-bookworm-slim AS agent
WORKDIR /opt/remora
COPY package.json package-lock.json ./
COPY shared/package.json shared/
COPY agent/package.json agent/
COPY coordinator/package.json coordinator/
COPY test/package.json test/
RUN npm ci --ignore-scripts --no-audit --no-fund --workspace=@remora/agent --workspace=@remora/shared --include-workspace-root
COPY shared/src shared/src
COPY agent agent
RUN node agent/build.ts

FROM docker.elastic.co/elasticsearch/elasticsearch:${ES_VERSION}
USER root
COPY --from=agent /usr/local/bin/node /usr/local/bin/
COPY --from=agent /opt/remora/agent/dist/remora-agent.mjs /opt/remora/
COPY deploy/compose/prepare deploy/elasticsearch-node/ /opt/remora/
# The agent runs as Elasticsearch's user, so what it edits must be that user's; elasticsearch.yml is written by `configure`. A node that goes to the
# background has no console to log to: it logs to files, as from an archive.
RUN cd /usr/share/elasticsearch \
  && rm config/elasticsearch.yml \
  && cp config/log4j2.file.properties config/log4j2.properties \
  && chown -R 1000:0 config data logs \
  && install -d -o 1000 -g 0 -m 700 /var/lib/remora-agent \
  && node /opt/remora/remora-agent.mjs --help > /dev/null

USER 1000:0
ENTRYPOINT ["/bin/tini", "--", "/opt/remora/run-node"]
CMD []
