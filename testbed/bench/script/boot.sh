#!/bin/bash
# Boots the lab's hosts, all at once, and ends when each of them lets us in. See lab.sh for what it wants.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lab.sh"
make_network
# shellcheck disable=SC2086 # one host a word
each boot $BROKERS $BALANCERS
