#!/bin/bash
# Install Chromium and its driver where they are missing and root may use apt; else one line, and the tests that need a
# browser are skipped.
set -euo pipefail

if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then exit 0; fi
if ((EUID)) || ! command -v apt-get >/dev/null; then
  echo "ensure_browser: chromium and chromedriver are not on PATH and cannot be installed from here: no test uses a browser"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
{ apt-get update -qq && apt-get install --yes -qq --no-install-recommends chromium chromium-driver; } >/dev/null 2>&1 ||
  echo "ensure_browser: apt-get cannot install chromium and chromium-driver: no test uses a browser"
