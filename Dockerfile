# One image for every command: api, worker, migrate, keys, sources.
# An exact version; compose.yaml says how to pin its digest.
ARG PYTHON=python:3.13.9-slim-trixie

FROM ${PYTHON} AS build
WORKDIR /build
COPY .ci/requirements/run.txt ./
# Without pip inside: nothing can be installed into a finished image. Every package is pinned by its hash.
RUN python -m venv --without-pip /opt/venv \
 && pip --python /opt/venv/bin/python install --no-cache-dir --only-binary :all: --require-hashes -r run.txt

FROM ${PYTHON}
# The home is the one place where this user may write; compose.yaml puts a tmpfs there.
RUN groupadd --gid 10001 dossier \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/dossier --shell /usr/sbin/nologin dossier \
 && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/dossier \
 && install --directory /etc/dossier/data-centers
COPY --from=build /opt/venv /opt/venv
WORKDIR /opt/dossier
COPY alembic.ini ./
COPY migrations/ migrations/
COPY app/ app/
# Here, because at run time nothing can be written beside the sources.
RUN python -m compileall -q --invalidation-mode unchecked-hash app migrations
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DOSSIER_HOST=0.0.0.0 \
    DOSSIER_VAR_DIR=/var/lib/dossier \
    DOSSIER_DATA_CENTERS=/etc/dossier/data-centers
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "app"]
CMD ["api"]
