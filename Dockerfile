# The server: voice, site and management commands. docs/deploy.md shows how it is built and pushed.
#
# The base is the digest of python:3.13-slim for all architectures (Debian 13, Python 3.13.14).
# To renew it: docker buildx imagetools inspect python:3.13-slim
#
# scripts/check-image runs these instructions without Docker.

FROM python:3.13-slim@sha256:6771159cd4fa5d9bba1258caf0b82e6b73458c694d178ad97c5e925c2d0e1a91 AS base

#### Libraries, and the sources with compiled translations and bytecode

FROM base AS build

WORKDIR /app
COPY requirements.txt requirements-build.txt ./
RUN python -m venv --without-pip /venv \
    && python -m pip --python /venv/bin/python install --no-cache-dir --only-binary=:all: --requirement requirements.txt \
    && python -m venv --without-pip /build \
    && python -m pip --python /build/bin/python install --no-cache-dir --only-binary=:all: --requirement requirements-build.txt

COPY manage.py ./
COPY novasonic ./novasonic
COPY common ./common
COPY staff ./staff
COPY orders ./orders
COPY appointments ./appointments
COPY conversations ./conversations
COPY follow_ups ./follow_ups
COPY business ./business
COPY notifications ./notifications
COPY webhooks ./webhooks
COPY maintenance ./maintenance
COPY voice ./voice
COPY locale ./locale
COPY scripts/compile-messages.py ./scripts/
RUN /build/bin/python scripts/compile-messages.py \
    && find locale -name '*.po' -delete \
    && rm -r scripts requirements.txt requirements-build.txt \
    && mkdir var \
    && /venv/bin/python -m compileall -q .

#### For `docker compose` on one machine only: the local Nova Sonic

FROM base AS simulator

WORKDIR /simulator
COPY requirements-local.txt ./
COPY simulator ./package
RUN python -m pip install --no-cache-dir --constraint requirements-local.txt "./package[speech]"
USER 10001:10001
VOLUME ["/tmp"]
STOPSIGNAL SIGINT
CMD ["nova-sonic-simulator", "--port", "8443", "--certificates", "/tmp/certificates"]

#### The image. It runs with a read-only root file system; /tmp and /app/var are volumes.

FROM base AS server

ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0

WORKDIR /app
COPY --from=build /venv /venv
COPY --from=build /app /app
COPY --from=build --chown=10001:10001 /app/var /app/var

USER 10001:10001
VOLUME ["/tmp", "/app/var"]
EXPOSE 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('WS_PORT', '8081') + '/health', timeout=4)"]
CMD ["python", "manage.py", "serve"]
