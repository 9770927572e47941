#!/usr/bin/env bash
# Simulates fleets and prints a table; --quick: only whether the policy is worth it. Expects the Swift toolchain in PATH.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
swiftc -O -swift-version 6 -warnings-as-errors Sources/Host/Fleet/RoutingPolicy.swift Benchmarks/fleet/{Trace,Simulation,main}.swift -o "$folder/simulation"
"$folder/simulation" "$@"
