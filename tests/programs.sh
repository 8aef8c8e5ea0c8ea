#!/usr/bin/env bash
# Installs the programs outside Python that tests need: a browser, PHP for the WordPress plugin, the languages of the
# quickstarts, and what tests alerts. Where that is not possible it says so and succeeds: the tests that need a missing
# program are skipped and name it.
set -euo pipefail

declare -A packages=(
  [chromium]="chromium fonts-dejavu-core"
  [php]="php-cli php-sqlite3 php-mbstring php-xml php-curl php-gd php-intl php-zip php-illuminate-http"
  [phpunit]="phpunit"
  [phpcs]="php-codesniffer"
  [msgfmt]="gettext"
  [zip]="zip"
  [go]="golang-go"
  [javac]="default-jdk-headless"
  [ruby]="ruby ruby-sinatra ruby-webrick"
)

# Of Prometheus's package only the program that tests rules: the package would start a server.
fetch_promtool() {
  local folder fetched=0
  folder="$(mktemp -d)"
  (cd "$folder" && apt-get download -qq prometheus && dpkg-deb --extract prometheus_*.deb . &&
    install usr/bin/promtool /usr/local/bin/) || fetched=$?
  rm -rf "$folder"
  return "$fetched"
}

missing=()
for program in "${!packages[@]}"; do
  # shellcheck disable=SC2206 # one package a word
  command -v "$program" >/dev/null || missing+=(${packages[$program]})
done
promtool=()
command -v promtool >/dev/null || promtool=(prometheus)
all=("${missing[@]}" "${promtool[@]}")
[ ${#all[@]} -eq 0 ] && exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Tests in a browser, of the WordPress plugin, of the quickstarts and of alerts need: ${all[*]}"
  echo "Install them to have those tests run; without them they are skipped. (make test does it by itself as root on Debian.)"
  exit 0
fi
echo "Installing what tests need beside Python (once, one to two minutes): ${all[*]} ..."
export DEBIAN_FRONTEND=noninteractive
install_all() {
  apt-get update -qq &&
    { [ ${#missing[@]} -eq 0 ] || apt-get install -qq -y --no-install-recommends "${missing[@]}"; } &&
    { [ ${#promtool[@]} -eq 0 ] || fetch_promtool; }
}
if ! install_all >/dev/null 2>&1; then
  echo "The system's packages could not be installed. The tests that need them are skipped and say so."
fi
