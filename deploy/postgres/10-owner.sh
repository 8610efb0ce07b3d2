#!/bin/sh
# Runs once, when the container's data folder is new.
set -eu
psql --set=ON_ERROR_STOP=1 --set=owner_password="$VAUCHFLOW_OWNER_PASSWORD" --username="$POSTGRES_USER" \
  --file=/usr/local/share/vauchflow/owner.sql
