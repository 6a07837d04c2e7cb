# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion for avmm, which knows best what its options are.
# shellcheck source=/dev/null
source <(avmm completion 2>/dev/null)
