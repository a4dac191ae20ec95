# The registry in an image without shell or package manager: the executable, five files of the C library, CA
# certificates and three files in /etc, and no more.
#
#     docker build --tag cpm-registry .
#     docker run --publish 5000:80 --volume cpm-data:/data --env PUBLIC_URL=http://localhost:5000 cpm-registry

FROM node:20-bookworm-slim AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# The packages are a layer of their own: it changes with the lock file only. Bun comes with them.
COPY package.json package-lock.json .npmrc ./
COPY scripts/run.mjs scripts/patch-postgres.mjs scripts/
RUN node scripts/run.mjs --version
COPY . .
RUN npm run build && node scripts/run.mjs scripts/minimal-root.ts dist/cpm-registry /minimal-root

FROM scratch
# scripts/minimal-root.ts is the list of what lies here; test/binary runs the registry in the same root.
COPY --from=build /minimal-root/ /
# COPY makes everything root's; only the data belong to the registry.
COPY --from=build --chown=65532:65532 /minimal-root/data/ /data/
USER 65532:65532
# A user other than root may listen on port 80 because Docker sets net.ipv4.ip_unprivileged_port_start=0 in a
# container's network. Where it does not (an old engine, --network host), say PORT=8080 or add that --sysctl.
# JavaScriptCore thinks of the machine's memory when it decides how much garbage to keep; of so much it keeps less.
ENV BUN_JSC_forceRAMSize=268435456 \
    UV_THREADPOOL_SIZE=16 \
    PORT=80 \
    DATA_DIR=/data \
    HOME=/data \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
EXPOSE 80
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["/cpm-registry", "healthcheck"]
ENTRYPOINT ["/cpm-registry"]
CMD ["serve"]
