# Two images, each one static program on nothing:
#
#     docker build --target agent -t skiff-agent:0.1.0 .
#     docker build --target hub   -t skiff:0.1.0 .
#
# The builder compiles for its own architecture; for others, `docker buildx build --platform linux/arm64 …`.

FROM rust:1.95-bookworm AS source
RUN apt-get update \
 && apt-get install -y --no-install-recommends musl-tools ca-certificates \
 && rm -rf /var/lib/apt/lists/*
RUN rustup target add "$(uname -m)-unknown-linux-musl"
WORKDIR /src
COPY . .
# What a program finds beside itself: certificates of the public authorities, a place to write, a user.
RUN mkdir -p /root-fs/etc/ssl/certs /root-fs/tmp /root-fs/data \
 && cp /etc/ssl/certs/ca-certificates.crt /root-fs/etc/ssl/certs/ \
 && echo 'skiff:x:65532:65532::/data:/none' >/root-fs/etc/passwd \
 && chmod 1777 /root-fs/tmp && chown 65532:65532 /root-fs/data

FROM source AS build-agent
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --locked --profile agent --target "$(uname -m)-unknown-linux-musl" -p skiff-agent \
 && cp "target/$(uname -m)-unknown-linux-musl/agent/skiff-agent" /skiff-agent

FROM source AS build-hub
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --locked --release --target "$(uname -m)-unknown-linux-musl" -p skiff \
 && cp "target/$(uname -m)-unknown-linux-musl/release/skiff" /skiff

# The agent of one cluster.
FROM scratch AS agent
COPY --from=source /root-fs/ /
COPY --from=build-agent /skiff-agent /skiff-agent
USER 65532:65532
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
ENTRYPOINT ["/skiff-agent"]

# The command line, and with it the hub.
FROM scratch AS hub
COPY --from=source /root-fs/ /
COPY --from=build-hub /skiff /skiff
USER 65532:65532
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt HOME=/data
VOLUME ["/data"]
EXPOSE 8443
ENTRYPOINT ["/skiff"]
CMD ["hub", "--data", "/data"]
