#!/bin/sh
# Make the password file from the secret, then become the broker.
set -eu
umask 077
mosquitto_passwd -c -b /tmp/passwords kinestream "$BUS_PASSWORD"
chown mosquitto:mosquitto /tmp/passwords 2>/dev/null || true
exec mosquitto -c /start/mosquitto.conf
