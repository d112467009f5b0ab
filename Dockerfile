# VoxPersona as an image, without large weights and without embedded engines (docs/decisions/0016-images.md).
#
#   docker build --target lite …   speech, language and vectors come from endpoints
#   docker build --target full …   speech is recognised and vectors are made on this machine, too; the default
#   docker build --target models --build-arg WEIGHTS=whisper-base --output persistent_data/models …
#                                no image: fetches the large weights that full reads
#
# COMMIT is a build argument. Behind a proxy with a certificate of its own, or with a registry of one's own:
#   --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt --secret id=pip,src=/etc/pip.conf
# Neither file stays in the image. What is not allowed in .dockerignore never gets here.

FROM debian:bookworm-slim AS base
ENV LANG=C.UTF-8 \
    PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/* /usr/share/doc/*/*.gz /usr/share/man \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin voxpersona

# What every installation needs. It depends on the pins alone: a change of code installs nothing. They are a whole tree,
# hence --no-deps: faster-whisper is here for the model in it that finds speech, and what its recogniser needs is not.
# pip stays, because weights come through it where the model hub is out of reach. Tests go, what builds packages,
# onnxruntime for programs in C, since its Python module has the library a second time within itself, and what
# matplotlib wants of fontTools for PDF alone. Names of functions that only a debugger reads are 50 MB, 70 more with what
# recognises speech; libraries that wheels bring along, in folders of their own (*.libs), keep theirs: they were patched.
FROM base AS packages
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends binutils python3-venv && rm -rf /var/lib/apt/lists/*
WORKDIR /install
COPY requirements.txt ./
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    if [ -s /run/secrets/pip ]; then export PIP_CONFIG_FILE=/run/secrets/pip; fi; \
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 \
    && python3 -m venv /opt/venv \
    && pip install --quiet --no-deps --only-binary :all: --no-binary pyaes,docopt -r requirements.txt \
    && pip uninstall --quiet --yes setuptools \
    && find /opt/venv -depth -type d '(' -name tests -o -name SelfTest -o -name __pycache__ ')' -exec rm -r '{}' + \
    && packages=/opt/venv/lib/python3.11/site-packages \
    && echo /opt/local > "$packages/local.pth" \
    && rm -r "$packages/numpy/distutils" "$packages/numpy/f2py" "$packages"/onnxruntime/capi/libonnxruntime.so.* \
        "$packages/onnxruntime/quantization" "$packages/onnxruntime/tools" "$packages/onnxruntime/transformers" \
    && find "$packages/fontTools" -mindepth 1 -maxdepth 1 -type d -not -name misc -exec rm -r '{}' + \
    && find /opt/venv -type f -name '*.so' -not -path '*.libs/*' -exec strip --strip-unneeded '{}' +
# Bytecode of what the product imports: without it every start takes four seconds more. All of it would be another 60 MB.
COPY scripts/bytecode ./
RUN PYTHONDONTWRITEBYTECODE='' python bytecode requirements.txt

FROM packages AS packages-local
COPY requirements-local.txt ./
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    if [ -s /run/secrets/pip ]; then export PIP_CONFIG_FILE=/run/secrets/pip; fi; \
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 \
    && sed '/^-r /d' requirements-local.txt > only-local.txt \
    && pip install --quiet --no-deps --only-binary :all: --target /opt/local -r only-local.txt \
    && find /opt/local -type f -name '*.so' -not -path '*.libs/*' -exec strip --strip-unneeded '{}' + \
    && PYTHONDONTWRITEBYTECODE='' python bytecode requirements-local.txt

# The weights by their versions: what was fetched once stays on the machine that builds, whatever else changes. No
# transcript is finished without the small ones: both images carry them.
FROM packages AS weights
ARG WEIGHTS=""
COPY resources/weights.yaml /app/resources/
COPY scripts/fetch-weights /app/scripts/
COPY src /app/src
# hadolint ignore=SC2086
RUN --mount=type=cache,id=voxpersona-weights,target=/fetched --mount=type=secret,id=ca --mount=type=secret,id=pip \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    if [ -s /run/secrets/pip ]; then export PIP_CONFIG_FILE=/run/secrets/pip; fi; \
    set -- voice-encoder $WEIGHTS \
    && python /app/scripts/fetch-weights /fetched "$@" \
    && mkdir /models && for name in "$@"; do cp -a "/fetched/$name" /models/; done

FROM scratch AS models
COPY --from=weights /models /

FROM base AS application
COPY . /app
RUN rm -f /app/requirements*.txt /app/scripts/bytecode /app/scripts/fetch-weights \
    && python3 -m compileall -q /app/src \
    && chmod -R a+rX,go-w /app \
    && mkdir /app/persistent_data && chown voxpersona:voxpersona /app/persistent_data

# What both images share. restic keeps the backups.
FROM base AS runtime
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends restic \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/* /usr/share/doc/*/*.gz /usr/share/man
COPY --from=packages /opt/venv /opt/venv
COPY --from=weights /models/voice-encoder /app/models/voice-encoder
WORKDIR /app
USER 10001:10001
ENV HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib
EXPOSE 8690
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=30s --start-period=180s --retries=3 CMD ["/app/scripts/health-check"]
# tini reaps what killed programs leave behind.
ENTRYPOINT ["tini", "--", "python", "/app/src/main.py"]

FROM runtime AS lite
COPY --from=application /app /app
ARG COMMIT=""
ARG VERSION="0.1.0"
ENV BUILD_COMMIT=$COMMIT
LABEL org.opencontainers.image.title="VoxPersona" \
      org.opencontainers.image.description="Voice research bot: endpoints only" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.version="$VERSION"

FROM runtime AS full
COPY --from=packages-local /opt/local /opt/local
COPY --from=application /app /app
ARG COMMIT=""
ARG VERSION="0.1.0"
ENV BUILD_COMMIT=$COMMIT
LABEL org.opencontainers.image.title="VoxPersona" \
      org.opencontainers.image.description="Voice research bot with recognition and vectors on this machine" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.version="$VERSION"
