# The registry in an image without shell or package manager. It holds the executable, five files of the C library, CA
# certificates and three files in /etc.
#
#     docker build --tag cpm-registry .
#     docker run --publish 5000:80 --volume cpm-data:/data --env PUBLIC_URL=http://localhost:5000 cpm-registry

# compose.yaml, `npm run image` and releases pass an exact version. The default is a name that every Debian bookworm
# with Node 20 can be given where no registry of images is in reach.
ARG NODE_IMAGE=node:20-bookworm-slim
FROM ${NODE_IMAGE} AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# npm packages are a layer of their own, which changes with the lock file only. Bun is one of them.
COPY package.json package-lock.json .npmrc ./
COPY scripts/run.mjs scripts/patch-postgres.mjs scripts/
RUN node scripts/run.mjs --version
COPY . .
# `npm run image` passes the commit, for `version` and the metrics. The context has no .git.
ARG BUILD_COMMIT=unknown
RUN BUILD_COMMIT="${BUILD_COMMIT}" npm run build \
 && node scripts/run.mjs scripts/minimal-root.ts dist/cpm-registry /minimal-root \
 && mkdir /owned && mv /minimal-root/data /owned/data

FROM scratch
# scripts/minimal-root.ts lists the files of this root. test/binary runs the registry in the same root.
COPY --from=build /minimal-root/ /
# COPY makes root the owner of everything. Only /data belongs to the registry's user, and to group 0 for users of a
# platform's choice. A copy into an existing directory leaves its owner as it is, so /data is not in the root above.
COPY --from=build --chown=65532:0 /owned/ /
USER 65532:65532
# A user other than root may listen on port 80, because Docker sets net.ipv4.ip_unprivileged_port_start=0 in a
# container's network. Where it does not (an old engine, --network host), set PORT=8080 or add that --sysctl.
# JavaScriptCore keeps garbage in proportion to the machine's memory; BUN_JSC_forceRAMSize makes it keep less. With
# UV_THREADPOOL_SIZE sixteen uploads wait for the disk at once. Both are read when Bun starts; docs/operations.md has more.
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
