# syntax=docker/dockerfile:1
# One image for every process of the product; compose says which one a container is.

FROM python:3.13-slim-bookworm AS build
COPY requirements.txt /tmp/requirements.txt
# Hashes are required: what is installed is what was tested. No compiler is here, so wheels only.
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --require-hashes -r /tmp/requirements.txt

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin vauchflow
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/vauchflow
COPY . .
# Compiled here, because the user that runs it may not write.
RUN /opt/venv/bin/python -m compileall -q . && ln -s /srv/vauchflow/vauchflow /usr/local/bin/vauchflow
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VAUCHFLOW_HOST=0.0.0.0 \
    VAUCHFLOW_PORT=8000
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=5 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"VAUCHFLOW_PORT\"]}/readyz', timeout=2)"]
CMD ["python", "-m", "engine"]
