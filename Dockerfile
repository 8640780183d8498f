# docker build --build-arg VERSION=0.2.0 --tag apixo-mcp .      docs/container.md tells how it is run.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
# The context holds no git: whoever builds says which version it is, and of which second its files are.
ARG VERSION=""
ARG SOURCE_DATE_EPOCH=0
WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY packaging/description.py packaging/
COPY apixo_mcp apixo_mcp
# Bytecode that is never compared with its source: the root is read-only, and the start is quick.
RUN python -m venv --without-pip /opt/apixo-mcp \
    && SETUPTOOLS_SCM_PRETEND_VERSION="${VERSION}" python -m pip --python /opt/apixo-mcp/bin/python install \
        --no-cache-dir --no-compile --disable-pip-version-check --constraint constraints.txt ".[server,postgres,s3]" \
    && /opt/apixo-mcp/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/apixo-mcp/lib \
    && install --directory --mode=0700 --owner=10001 --group=10001 /data

FROM ${BASE}
ARG VERSION=""
LABEL org.opencontainers.image.title="apixo-mcp" \
    org.opencontainers.image.description="An MCP server that lets assistants make images, video, music and speech on APIXO and Ruxa AI." \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="${VERSION}"
COPY --from=build /opt/apixo-mcp /opt/apixo-mcp
COPY --from=build --chown=10001:10001 /data /data
ENV PATH=/opt/apixo-mcp/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/data \
    APIXO_MCP_HOME=/data \
    APIXO_MCP_DOWNLOAD_DIR=/data/results \
    APIXO_MCP_LINGER=0 \
    APIXO_MCP_LOG_FORMAT=json
WORKDIR /data
USER 10001:10001
VOLUME /data
EXPOSE 8000
# A paid request that is on its way is answered before the server ends: give it 150 s (docker stop -t 150).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=8)"]
ENTRYPOINT ["apixo-mcp"]
CMD ["serve", "--transport", "http", "--host", "0.0.0.0"]
