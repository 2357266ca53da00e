# The service in an image, from the wheel. In the root of the repository:
#
#   pip wheel --no-deps --wheel-dir dist .
#   docker build --file tools/serve.Dockerfile --tag ccd-serve .
#   docker run --rm --publish 8000:8000 --volume "$PWD/served:/served:ro" ccd-serve
#
# /served is what 'ccd export' wrote. A token: --volume "$PWD/token:/token:ro" and, after the image's
# name, the whole command: ccd serve /served --host 0.0.0.0 --token-file /token

FROM python:3.12-slim

COPY constraints.txt dist/ccdrec-*.whl /tmp/ccd/

# Of what ccd depends on, the service needs this much: no torch and no DGL.
RUN pip install --no-cache-dir --constraint /tmp/ccd/constraints.txt \
        numpy pyarrow pydantic typer rich fastapi uvicorn prometheus-client usearch \
    && pip install --no-cache-dir --no-deps /tmp/ccd/ccdrec-*.whl \
    && rm -r /tmp/ccd

RUN useradd --create-home ccd
USER ccd
WORKDIR /home/ccd

EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz')"]
CMD ["ccd", "serve", "/served", "--host", "0.0.0.0"]
