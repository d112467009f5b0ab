# Stands in for the official image of SeaweedFS where that cannot be pulled: the program and what its check needs.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends busybox && rm -rf /var/lib/apt/lists/* \
    && ln -s /bin/busybox /usr/local/bin/wget
COPY weed /usr/bin/weed
