FROM node:24-slim AS packages
WORKDIR /hub
COPY package.json package-lock.json .npmrc ./
# the image has its own Node; the packages bring one for machines with an older
RUN npm ci --omit=dev --no-audit --no-fund && rm -rf node_modules/node-linux-* node_modules/.bin/node

FROM node:24-slim AS web
WORKDIR /hub
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY contracts contracts
COPY lib lib
COPY scripts scripts
COPY web web
RUN node scripts/build-web.ts

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/var/lib/hub
WORKDIR /hub
RUN install --directory --owner=node --group=node --mode=0700 /var/lib/hub /hub/.compiled
COPY --from=packages /hub/node_modules node_modules
COPY package.json config.ts moleculer.config.ts ./
COPY contracts contracts
COPY lib lib
COPY middlewares middlewares
COPY mixins mixins
COPY repl repl
COPY scripts scripts
COPY services services
COPY --from=web /hub/web/dist web/dist
USER node
# as who runs it: Node keeps one for each user
ENV NODE_COMPILE_CACHE=/hub/.compiled
# glibc keeps what was freed in as many places as there are processors, times eight
ENV MALLOC_ARENA_MAX=2
RUN node scripts/precompile.ts
VOLUME /var/lib/hub
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node itself as the first process, so that a stop reaches it
CMD ["node", "--max-semi-space-size=32", "--max-old-space-size=384", "scripts/node.ts"]
