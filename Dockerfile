# syntax=docker/dockerfile:1

# The operator's image: the program, the C library it needs and the root certificates.
# No shell, no package manager, no root; the simulator is left out.
#
#   docker buildx build --platform linux/amd64,linux/arm64 \
#     --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" \
#     --output type=registry,rewrite-timestamp=true \
#     --tag registry.example.net/viis-operator:0.1.0 .
#
# The same sources give the same program: paths and times of the build are not in it.
# For the same image the two images below have to be the same, too: name them by digest,
# --build-arg RUST=…@sha256:… and --build-arg BASE=…@sha256:….

ARG RUST=docker.io/library/rust:1.95-slim-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

# Always on the machine's own architecture: compiling for another one is faster than
# emulating it.
FROM --platform=$BUILDPLATFORM ${RUST} AS build
ARG BUILDARCH
ARG TARGETARCH
ARG SOURCE_DATE_EPOCH=0
ENV CARGO_INCREMENTAL=0
WORKDIR /src

# A compiler for the other architecture, when there is one: ring has C in it.
RUN <<'EOF'
set -eu
case $TARGETARCH in
amd64) gcc=x86_64-linux-gnu target=x86_64-unknown-linux-gnu ;;
arm64) gcc=aarch64-linux-gnu target=aarch64-unknown-linux-gnu ;;
*) echo "no image for $TARGETARCH: only for amd64 and arm64" >&2; exit 1 ;;
esac
if [ "$TARGETARCH" != "$BUILDARCH" ]; then
    apt-get update
    apt-get install --yes --no-install-recommends \
        "gcc-$(echo $gcc | tr _ -)" "libc6-dev-$TARGETARCH-cross"
    rm -rf /var/lib/apt/lists/*
fi
rustup target add "$target"
variable=$(echo "$target" | tr a-z- A-Z_)
cat >/build.env <<END
target=$target
export CARGO_TARGET_${variable}_LINKER=$gcc-gcc
export CC_$(echo "$target" | tr - _)=$gcc-gcc
END
EOF

COPY . .

RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,id=target-$TARGETARCH <<'EOF'
set -eu
. /build.env
# The last one is build.rs's, which does not know both images below.
export RUSTFLAGS="--remap-path-prefix=/src=. --remap-path-prefix=$CARGO_HOME=cargo -C link-arg=-Wl,--build-id=none -C link-arg=-Wl,-z,pack-relative-relocs"
cargo build --locked --release --no-default-features --bin viis-operator --target "$target"
install -D -m 0755 "target/$target/release/viis-operator" /out/viis-operator
EOF

FROM ${BASE}
LABEL org.opencontainers.image.title=viis-operator \
      org.opencontainers.image.description="Kubernetes operator for tenants of Kaspersky Security for Virtualization Light Agent" \
      org.opencontainers.image.licenses=Apache-2.0
COPY --from=build /out/viis-operator /viis-operator
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/viis-operator"]
CMD ["run"]
