#!/bin/sh
# First start of the Postgres container: the owner, the database, and a login for the daemon and for the console.
# What the logins may do is granted by `senex db bootstrap` (the migrate service).
set -eu

secret() { cat "/run/secrets/$1"; }

psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname postgres \
    -v owner="$(secret database_owner_password)" \
    -v daemon="$(secret database_daemon_password)" \
    -v console="$(secret database_console_password)" <<'SQL'
CREATE ROLE senex_user LOGIN CREATEROLE PASSWORD :'owner';
CREATE ROLE senex_daemon_login LOGIN PASSWORD :'daemon';
CREATE ROLE senex_console_login LOGIN PASSWORD :'console';
CREATE DATABASE senex_trader OWNER senex_user;
REVOKE ALL ON DATABASE senex_trader FROM PUBLIC;
GRANT CONNECT ON DATABASE senex_trader TO senex_daemon_login, senex_console_login;
SQL
