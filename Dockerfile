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

# Owned by root, run by another: the program cannot change itself.
USER node

HEALTHCHECK --interval=1m --timeout=15s --start-period=30s --retries=3 \
  CMD ["node", "/app/src/cli.ts", "status", "--json"]

# Node itself is process 1: it handles SIGTERM. npm and sh in front of it would swallow the signal.
ENTRYPOINT ["node", "--max-semi-space-size=4", "--max-old-space-size=512", "/app/src/cli.ts"]
CMD ["--help"]
