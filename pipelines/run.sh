#!/bin/sh
# Made by pipelines/generate.py of steps.yaml; not to be edited.
#
# Usage: pipelines/run.sh review|apply|drift STACK
#
# Ends with the code of the first step that failed. Variables: REPORT=report FAIL_ON=restart POLICIES=""

set -u
cd "$(dirname "$0")/.." || exit
PATH=$PWD/.venv/bin:$PATH
REPORT=${REPORT:-report}
FAIL_ON=${FAIL_ON:-restart}
POLICIES=${POLICIES:-}
failed=0

usage() {
    echo "usage: $0 review|apply|drift STACK" >&2
    exit 2
}

# step NAME usually|always COMMAND...: "usually" is left out after a step that failed.
step() {
    name=$1 when=$2
    shift 2
    if [ "$failed" -ne 0 ] && [ "$when" = usually ]; then
        echo "== $name: left out" >&2
        return
    fi
    echo "== $name: $*" >&2
    "$@"
    code=$?
    [ "$failed" -ne 0 ] || failed=$code
}

[ $# -eq 2 ] || usage
STACK=$2
mkdir -p "$REPORT" || exit
case $1 in
review)
    step check usually guesthouse check "stacks/$STACK.site.yaml" --sarif "$REPORT/check.sarif"
    step preview usually guesthouse preview "$STACK" --report "$REPORT" --fail-on "$FAIL_ON" ${POLICIES:+--policies "$POLICIES"}
    ;;
apply)
    step check usually guesthouse check "stacks/$STACK.site.yaml" --sarif "$REPORT/check.sarif"
    step preview usually guesthouse preview "$STACK" --report "$REPORT" ${POLICIES:+--policies "$POLICIES"}
    step up usually guesthouse up "$STACK" --yes
    step verify usually guesthouse verify "$STACK" --junit "$REPORT/verify.xml"
    ;;
drift)
    step preview usually guesthouse preview "$STACK" --refresh --expect-no-changes --report "$REPORT"
    step verify always guesthouse verify "$STACK" --junit "$REPORT/verify.xml" --patience 60
    ;;
*) usage ;;
esac
exit "$failed"
