#!/usr/bin/env bash
# The certificates by which Sedifex's processes know each other: an issuer of your own, and what it issues, in the folder
# that TLS_FOLDER names: ca.pem (the issuers that are accepted) and ca.key, NAME.pem and NAME.key.
#
#   certificates.sh init                   makes the issuer
#   certificates.sh issue NAME[,ALSO…]…    makes a certificate and its key; it is for these names and addresses
#   certificates.sh renew [NAME…]          makes a new certificate and key for the same names, in place of the old ones;
#                                          without a NAME: for all that there are
#   certificates.sh replace-issuer         makes another issuer; both are accepted
#   certificates.sh retire-issuer          ends that: only the one that issues now is accepted
#
# What there is already is left as it is by init and issue. New files take the place of old ones at once. DAYS is how long
# certificates are valid (365). Keys can be read by their owner alone: KEY_OWNER, as chown takes it, or who runs this.
set -euo pipefail
umask 077
: "${TLS_FOLDER:?must name the folder of the certificates}"
days=${DAYS:-365}
issuer_days=3650

fail() {
  echo "ERROR: $*" >&2
  exit 1
}

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

# A name of its own for each issuer: clients look an issuer up by its name.
new_issuer() {
  new_key "$1.key"
  openssl req -x509 -new -key "$1.key" -days "$issuer_days" -out "$1.pem" \
    -subj "/CN=Sedifex processes $(openssl rand -hex 4)" \
    -addext 'keyUsage=critical,keyCertSign,cRLSign'
  chmod 644 "$1.pem"
}

# sign NAME ALTERNATIVES: puts NAME.pem and NAME.key in place.
sign() {
  local new="$TLS_FOLDER/.new-$1"
  new_key "$new.key"
  printf '%s\n' "subjectAltName=$2" 'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' \
    'extendedKeyUsage=serverAuth,clientAuth' 'authorityKeyIdentifier=keyid' >"$new.extensions"
  openssl req -new -key "$new.key" -subj "/CN=$1" -out "$new.request"
  openssl x509 -req -in "$new.request" -CA "$TLS_FOLDER/ca.pem" -CAkey "$TLS_FOLDER/ca.key" -days "$days" \
    -set_serial "0x$(openssl rand -hex 16)" -extfile "$new.extensions" -out "$new.pem" 2>/dev/null
  chmod 644 "$new.pem"
  if [ -n "${KEY_OWNER:-}" ]; then
    chown "$KEY_OWNER" "$new.key"
  elif [ -e "$TLS_FOLDER/$1.key" ]; then
    cp -p "$TLS_FOLDER/$1.key" "$new.owned" # whose it was it stays
    cat "$new.key" >"$new.owned"
    mv "$new.owned" "$new.key"
  fi
  mv "$new.key" "$TLS_FOLDER/$1.key"
  mv "$new.pem" "$TLS_FOLDER/$1.pem"
  rm "$new.extensions" "$new.request"
}

# The names in a certificate, as an extension takes them.
names_of() {
  openssl x509 -in "$1" -noout -ext subjectAltName | sed -nE 's/^ *//; s/IP Address:/IP:/g; /^(DNS|IP):/p'
}

alternatives() {
  local each list=
  IFS=, read -ra names <<<"$1"
  for each in "${names[@]}"; do
    case $each in
      *[!0-9.]* | '') [[ $each == *:* ]] && list+=",IP:$each" || list+=",DNS:$each" ;;
      *) list+=",IP:$each" ;;
    esac
  done
  echo "${list#,}"
}

check_name() { [[ $1 =~ ^[a-z0-9][a-z0-9-]*$ && $1 != ca ]] || fail "'$1' is no name like keys or webhooks-worker"; }
needs_issuer() { [ -e "$TLS_FOLDER/ca.key" ] || fail "there is no issuer in $TLS_FOLDER; make one: certificates.sh init"; }
issuers() { grep -c 'BEGIN CERTIFICATE' "$TLS_FOLDER/ca.pem"; }

init() {
  mkdir -p "$TLS_FOLDER"
  chmod 755 "$TLS_FOLDER"
  if [ -e "$TLS_FOLDER/ca.key" ] || [ -e "$TLS_FOLDER/ca.pem" ]; then
    echo "An issuer is in $TLS_FOLDER already; it is left as it is."
    return
  fi
  new_issuer "$TLS_FOLDER/ca"
  echo "Made an issuer in $TLS_FOLDER. Keep ca.key where nobody finds it: whoever has it can be any process of yours."
}

issue() {
  needs_issuer
  [ $# -gt 0 ] || fail "name what to issue, like: certificates.sh issue keys,127.0.0.1 gateway"
  local each name
  for each in "$@"; do
    name=${each%%,*}
    check_name "$name"
    if [ -e "$TLS_FOLDER/$name.pem" ] || [ -e "$TLS_FOLDER/$name.key" ]; then
      echo "$name has a certificate already; it is left as it is. To renew it: certificates.sh renew $name"
    else
      sign "$name" "$(alternatives "$each")"
      echo "Issued $name."
    fi
  done
}

renew() {
  needs_issuer
  local path name names
  if [ $# -eq 0 ]; then
    for path in "$TLS_FOLDER"/*.key; do
      name=${path##*/}
      [ "$name" = ca.key ] || set -- "$@" "${name%.key}"
    done
  fi
  for name in "$@"; do
    check_name "$name"
    [ -e "$TLS_FOLDER/$name.pem" ] || fail "$name has no certificate; issue one: certificates.sh issue $name"
    names=$(names_of "$TLS_FOLDER/$name.pem")
    sign "$name" "${names:-DNS:$name}"
    echo "Renewed $name."
  done
}

replace_issuer() {
  needs_issuer
  [ "$(issuers)" = 1 ] || fail "two issuers are accepted already; end that first: certificates.sh retire-issuer"
  local new="$TLS_FOLDER/.new-ca"
  new_issuer "$new"
  cat "$TLS_FOLDER/ca.pem" >>"$new.pem" # after the new one: openssl takes the first for the issuer
  mv "$new.key" "$TLS_FOLDER/ca.key"
  mv "$new.pem" "$TLS_FOLDER/ca.pem"
  echo "Made another issuer; both are accepted."
}

retire_issuer() {
  needs_issuer
  local new="$TLS_FOLDER/.new-ca.pem" path
  openssl x509 -in "$TLS_FOLDER/ca.pem" -out "$new"
  for path in "$TLS_FOLDER"/*.pem; do
    if [ "${path##*/}" != ca.pem ] && ! openssl verify -CAfile "$new" "$path" >/dev/null 2>&1; then
      rm "$new"
      fail "${path##*/} is of the old issuer; renew it first: certificates.sh renew"
    fi
  done
  chmod 644 "$new"
  mv "$new" "$TLS_FOLDER/ca.pem"
  echo "One issuer is accepted."
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
  init | issue | renew) "$command" "$@" ;;
  replace-issuer) replace_issuer ;;
  retire-issuer) retire_issuer ;;
  *) fail "'$command' is none of init, issue, renew, replace-issuer, retire-issuer; see the top of $0" ;;
esac
