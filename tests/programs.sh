#!/usr/bin/env bash
# Installs the programs outside Python that tests need: a browser, PHP for the WordPress plugin, and the languages of the
# quickstarts. Where that is not possible it says so and succeeds: the tests that need a missing program are skipped and
# name it.
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

missing=()
for program in "${!packages[@]}"; do
  # shellcheck disable=SC2206 # one package a word
  command -v "$program" >/dev/null || missing+=(${packages[$program]})
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Tests in a browser, of the WordPress plugin and of the quickstarts need: ${missing[*]}"
  echo "Install them to have those tests run; without them they are skipped. (make test does it by itself as root on Debian.)"
  exit 0
fi
echo "Installing what tests need beside Python (once, one to two minutes): ${missing[*]} ..."
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -qq -y --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1; then
  echo "The system's packages could not be installed. The tests that need them are skipped and say so."
fi
