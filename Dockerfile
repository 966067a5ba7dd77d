# The server in an image of its executable, the C library that it needs, and nothing else.
# `docker compose up` builds and runs it; docs/INSTALL.md says more. It listens on every address of its
# container, so that it starts only where it is told who may do what, or DURABLE_STREAMS_INSECURE=true.
FROM oven/bun:1.4.5 AS build
WORKDIR /src
COPY . .
RUN bun tools/compile_bun.ts /image/bin/durable-streams
# sync is how many files are made durable at once.
RUN install -D "$(command -v sync)" /image/bin/sync && \
    for library in $(ldd /image/bin/durable-streams /image/bin/sync | grep -o '/lib[^ )]*' | sort -u); do \
      install -D "$library" "/image$library" || exit 1; \
    done && \
    install -d -o 65532 -g 65532 /image/data

FROM scratch
COPY --from=build /image /
ENV PATH=/bin \
    DURABLE_STREAMS_DIR=/data \
    DURABLE_STREAMS_HOST=0.0.0.0 \
    DURABLE_STREAMS_URL=http://127.0.0.1:4437/v1/stream
USER 65532:65532
VOLUME /data
EXPOSE 4437
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["durable-streams", "health"]
ENTRYPOINT ["durable-streams"]
