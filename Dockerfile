# SPDX-License-Identifier: Apache-2.0
# The worker's image. The packages are those of tools/packages.txt and nothing else.
FROM debian:12 AS build
ENV DEBIAN_FRONTEND=noninteractive
COPY tools/packages.txt tools/lib.sh /src/tools/
RUN apt-get update -q && bash -c 'set -eu; . /src/tools/lib.sh; apt-get install -q -y --no-install-recommends $(packages_of build)'
COPY . /src
RUN cd /src && autoreconf -fi && mkdir -p /build && cd /build && /src/configure -q --prefix=/usr --sysconfdir=/etc --libdir=/usr/lib \
    && make -s -j"$(nproc)" && make -s install DESTDIR=/out

FROM debian:12
ENV DEBIAN_FRONTEND=noninteractive
COPY tools/packages.txt tools/lib.sh /tmp/tools/
RUN apt-get update -q && bash -c 'set -eu; . /tmp/tools/lib.sh; apt-get install -q -y --no-install-recommends $(packages_of run)' \
    && rm -rf /var/lib/apt/lists/* /tmp/tools \
    && useradd --system --user-group --home-dir /etc/kaftan --create-home kaftan
COPY --from=build /out/usr/ /usr/
COPY docker/entrypoint /usr/bin/kaftan-entrypoint
USER kaftan
EXPOSE 8083
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/kaftan-entrypoint"]
