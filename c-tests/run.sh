#!/bin/sh
# Runs the C tests that need no servers: run.sh directory-of-programs
set -eu

site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
mkdir "$site/conf" "$site/spool"
cat >"$site/imapd.conf" <<END
configdirectory: $site/conf
defaultpartition: default
partition-default: $site/spool
END

for form in shared static; do
    "$1/errors-$form" "$site/imapd.conf"
    # Nobody listens there: told by name, with exit code 1.
    if "$1/sync_user-$form" "$site/imapd.conf" 127.0.0.1:1 fred 2>"$site/told"; then
        echo "sync_user-$form: success without a replica" >&2
        exit 1
    fi
    tail -n 1 "$site/told" | grep -q '^[A-Z_]*: .' || { cat "$site/told" >&2; exit 1; }
done
echo "C tests passed"
