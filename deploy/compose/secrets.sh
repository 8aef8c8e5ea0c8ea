#!/usr/bin/env bash
# Makes the secrets of a new installation: .env beside this file, which compose reads. Keep it: without the peppers no
# key works any more, without the secret keys no webhook can be signed. How to replace them: deploy/runbooks.
set -euo pipefail
umask 077
file="$(dirname "$0")/.env"
if [ -e "$file" ]; then
  echo "$file is there already; it is left as it is." >&2
  exit 1
fi
versioned() { printf '[{"version":1,"secret":"%s"}]' "$(openssl rand -base64 32)"; }
cat >"$file" <<END
POSTGRES_PASSWORD=$(openssl rand -hex 24)
SEDIFEX_SERVICE_SECRET=$(openssl rand -hex 32)
SEDIFEX_TOKEN_PEPPERS='$(versioned)'
SEDIFEX_MEMBER_SECRET_KEYS='$(versioned)'
SEDIFEX_WEBHOOK_SECRET_KEYS='$(versioned)'
END
echo "Made $file."
