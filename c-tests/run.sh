#!/bin/sh
# Runs the C tests that need no servers: run.sh directory-of-programs [valgrind|sanitized]
set -eu

site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
mkdir "$site/conf" "$site/spool"
cat >"$site/imapd.conf" <<END
configdirectory: $site/conf
defaultpartition: default
partition-default: $site/spool
END

how=${2:-}
forms="shared static"
under=
case $how in
    valgrind)
        under="valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect"
        forms=shared ;;
    sanitized) forms=shared ;;
esac

for form in $forms; do
    for program in errors misuse threads; do
        $under "$1/$program-$form" "$site/imapd.conf"
    done
    # Nothing listens on this port. So the program must fail: it prints the result's name and exits
    # with 1.
    if $under "$1/sync_user-$form" "$site/imapd.conf" 127.0.0.1:1 fred 2>"$site/told"; then
        echo "sync_user-$form: success without a replica" >&2
        exit 1
    fi
    tail -n 1 "$site/told" | grep -q '^[A-Z_]*: .' || { cat "$site/told" >&2; exit 1; }
done
echo "C tests passed${how:+ ($how)}"
