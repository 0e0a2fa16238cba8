#!/bin/bash
# Install Chromium and its driver where they are missing and root may use apt; otherwise say in one line which tests are
# skipped and what to do.
set -euo pipefail

if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then exit 0; fi

skip() {
  echo "ensure_browser: $1: the tests of JupyterHub in a browser are skipped. To run them, first" \
    "install Chromium and its driver (Debian: sudo apt-get install chromium chromium-driver)"
  exit 0
}

if ! command -v apt-get >/dev/null; then skip "no chromium or no chromedriver on PATH, and no apt-get"; fi
if ((EUID)); then skip "no chromium or no chromedriver on PATH, and only root may install them"; fi
export DEBIAN_FRONTEND=noninteractive
{ apt-get update -qq && apt-get install --yes -qq --no-install-recommends chromium chromium-driver; } >/dev/null 2>&1 ||
  skip "apt-get cannot install chromium and chromium-driver"
