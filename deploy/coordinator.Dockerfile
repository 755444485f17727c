# The coordinator and the CLI. Built from the root of the clone: docker build -f deploy/coordinator.Dockerfile .
ARG NODE_VERSION=24.21.0
FROM node:${NODE_VERSION}-bookworm-slim
ENV NODE_ENV=production
WORKDIR /opt/remora

COPY package.json package-lock.json ./
COPY shared/package.json shared/
COPY agent/package.json agent/
COPY coordinator/package.json coordinator/
COPY test/package.json test/
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --workspace=@remora/coordinator --workspace=@remora/shared

COPY shared/src shared/src
COPY coordinator/src coordinator/src
COPY deploy/compose/register deploy/compose/
COPY deploy/remora /usr/local/bin/
RUN install -d -o node -g node -m 700 /var/lib/remora && remora --help > /dev/null

USER node
EXPOSE 8600
ENTRYPOINT ["/usr/local/bin/remora"]
CMD ["coordinator", "--data-dir", "/var/lib/remora", "--listen", "0.0.0.0:8600"]
