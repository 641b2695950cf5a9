# drupald with the PHP that runs the sites. The PHP branch must be that of the web server.
FROM node:20-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npx tsc -p tsconfig.build.json && npm prune --omit=dev

FROM node:20-bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends php-cli php-mysql php-xml php-mbstring php-gd php-curl tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/drupald
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY php-shim ./php-shim
RUN install -d -o www-data -g www-data -m 0700 /var/lib/drupald
USER www-data
ENV DRUPALD_STATE_DIR=/var/lib/drupald/state DRUPALD_LOG_FORMAT=json
EXPOSE 8970
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8970/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Programs that a callback left behind become children of process 1, which has to reap
# them; tini does, and passes signals on.
ENTRYPOINT ["tini", "--", "node", "dist/cli/main.js"]
CMD ["serve", "--listen", "0.0.0.0:8970"]
