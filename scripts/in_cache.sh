# Sourced by scripts that fill the cache (modules/guesthouse/cache.py), with $checkout set, and
# $python where that is not the environment's own:
#     in_cache check ENTRY | room | put MADE ENTRY
#     is_cached ENTRY     ends the script where the cache cannot be used
# shellcheck shell=sh

in_cache() {
    if [ -z "${python:-}" ]; then
        python=$checkout/.venv/bin/python
        [ -x "$python" ] || python=python3
    fi
    PYTHONPATH=$checkout/modules "$python" -m guesthouse.cache "$@"
}

is_cached() {
    in_cache check "$1" && return
    case $? in
    1) return 1 ;;
    *) exit 7 ;;
    esac
}
