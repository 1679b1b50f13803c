# Prepares a shell (sh, bash, zsh) for this checkout's stacks:
#
#     . ./env.sh
#     guesthouse status lab
#     pulumi preview -s lab
#
# shellcheck shell=sh

# Where this file is: bash and zsh tell, other shells source it from the checkout itself.
if [ -n "${BASH_VERSION:-}" ]; then
    # shellcheck disable=SC3028,SC3054
    _guesthouse=${BASH_SOURCE[0]}
elif [ -n "${ZSH_VERSION:-}" ]; then
    # Hidden from the other shells, which cannot read it.
    eval '_guesthouse=${(%):-%x}'
else
    _guesthouse=./env.sh
fi
_guesthouse=$(cd "$(dirname "$_guesthouse")" && pwd -P)

if [ ! -x "$_guesthouse/.guesthouse/engine/pulumi" ]; then
    echo "env.sh: $_guesthouse is not set up yet" >&2
    echo "  hint: run make setup there (in sh and dash, source env.sh from there)" >&2
    unset _guesthouse
    return 1
fi

# As `guesthouse` does it: a backend that Pulumi.yaml names is the state's place.
if awk '/^[^ #]/ { inside = /^backend:/ } inside && /^[^#]*url:/ { found = 1 } END { exit !found }' \
    "$_guesthouse/Pulumi.yaml"; then
    unset PULUMI_BACKEND_URL
else
    export PULUMI_BACKEND_URL="file://$_guesthouse/.guesthouse/state"
fi
export PULUMI_CONFIG_PASSPHRASE_FILE="$_guesthouse/.guesthouse/passphrase"
export PULUMI_HOME="$_guesthouse/.guesthouse/pulumi"
export PULUMI_SKIP_UPDATE_CHECK=true
# The language host takes the first python3: the environment's own.
case ":$PATH:" in
*":$_guesthouse/.guesthouse/engine:"*) ;;
*) export PATH="$_guesthouse/.guesthouse/engine:$_guesthouse/.guesthouse/bin:$_guesthouse/.venv/bin:$PATH" ;;
esac
# Where Python finds our sitecustomize: who is interrupted ends without a traceback.
_program="$_guesthouse/modules/guesthouse/cli/program"
case ":${PYTHONPATH:-}:" in
*":$_program:"*) ;;
*) export PYTHONPATH="$_program${PYTHONPATH:+:$PYTHONPATH}" ;;
esac
unset _guesthouse _program
