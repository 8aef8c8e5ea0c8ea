#!/usr/bin/env bash
# Makes the secrets of a new installation: .env beside this file, which compose reads, and the certificates of the
# processes in tls/. Keep both: without the peppers no key works any more, without the secret keys no webhook can be signed.
# How to replace them: deploy/runbooks.
set -euo pipefail
umask 077
file="$(dirname "$0")/.env"
if [ -e "$file" ]; then
  echo "$file is there already; it is left as it is." >&2
  exit 1
fi
versioned() { printf '[{"version":1,"secret":"%s"}]' "$(openssl rand -base64 32)"; }
cat >"$file" <<END
SEDIFEX_VERSION=0.1.0
POSTGRES_PASSWORD=$(openssl rand -hex 24)
SEDIFEX_SERVICE_SECRET=$(openssl rand -hex 32)
SEDIFEX_TOKEN_PEPPERS='$(versioned)'
SEDIFEX_MEMBER_SECRET_KEYS='$(versioned)'
SEDIFEX_WEBHOOK_SECRET_KEYS='$(versioned)'
END
echo "Made $file."

export TLS_FOLDER="$(dirname "$0")/tls"
certificates="$(dirname "$0")/../certificates.sh"
"$certificates" init
"$certificates" issue operator
# The processes run as nobody (65532), and have to read their keys.
if [ "$(id -u)" = 0 ]; then export KEY_OWNER=65532:65532; fi
"$certificates" issue keys catalog webhooks webhooks-worker gateway
if [ "$(id -u)" != 0 ]; then
  echo "The processes must be able to read their keys. Once, in $TLS_FOLDER:"
  echo "  sudo chown 65532 keys.key catalog.key webhooks.key webhooks-worker.key gateway.key"
fi
