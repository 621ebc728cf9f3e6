# Build:  docker build -t vitrine .
# Smaller, without CUDA: --build-arg PIP_EXTRA_INDEX_URL=<the index of PyTorch's CPU builds>
# Run:  docker run -p 127.0.0.1:8501:8501 -v vitrine-data:/data vitrine
# tests/docker_steps.py runs these very steps in a clean environment as an unprivileged user.
FROM python:3.11-slim

ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

WORKDIR /app
COPY requirements.txt .
RUN mkdir -p /tmp/vitrine && sed '/^# tests and checks/,/^$/d' requirements.txt > /tmp/vitrine/runtime.txt && pip install -r /tmp/vitrine/runtime.txt
COPY . .
RUN install -d -o 10001 -g 10001 -m 700 /data

USER 10001:10001
ENV HOME=/data VITRINE_HOME=/data VITRINE_LOG_JSON=true
# the name in people's address bar: pages refuse connections from others, and without it Streamlit
# asks the internet for its own address
ENV STREAMLIT_BROWSER_SERVER_ADDRESS=localhost
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/healthz', timeout=4)"
CMD ["streamlit", "run", "app.py", "--server.address", "0.0.0.0", "--server.port", "8501"]
