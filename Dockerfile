# Sources run unbuilt, so there is nothing to compile and one stage is enough.
FROM node:24-bookworm-slim

LABEL org.opencontainers.image.title="scopestack-sync" \
      org.opencontainers.image.description="Keeps a Postgres reporting database up to date with a ScopeStack account, unattended."

ENV NODE_ENV=production
WORKDIR /app

# Before the sources, so that a change there does not install again. Optional is the embedded Postgres: 61 MB, refused in
# production anyway.
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund && npm cache clean --force

COPY migrations ./migrations
COPY src ./src
RUN chmod 755 src/cli.ts && ln -s /app/src/cli.ts /usr/local/bin/scopestack-sync

# Owned by root, run by another: the program cannot change itself. By number, so that Kubernetes can tell it is not root; any
# other one does as well.
USER 1000

# 2 ms and 3 MB each. Unhealthy when `start` has answered nothing, or "not ready", for two minutes; every other command is
# healthy while it runs.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=4 CMD ["bash", "/app/src/web/probe.sh"]

# No npm and no sh in front of it, which would swallow the signal. Run it with an init (`docker run --init`): as process 1 it
# hears no SIGTERM in its first tenth of a second.
ENTRYPOINT ["node", "--max-semi-space-size=16", "--max-old-space-size=512", "/app/src/cli.ts"]
CMD ["--help"]
