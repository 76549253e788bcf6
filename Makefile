# Each target sets up what it needs, in .venv* and target, and prints what it does.
.PHONY: help run examples test soak lint bench bench-rust contract compare peers docs screenshots pictures matrix mutants platforms aarch64 musl release package lock clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

run: ## the main job on real input
	@scripts/run

examples: ## the Rust examples, with real async clients
	@scripts/examples

test: ## every test: Rust, Python, types, examples, lints
	@scripts/test

soak: ## all hazards at random for ten minutes, then the counts in full
	@scripts/soak

lint: ## the lints alone
	@scripts/lint

bench: ## compare with the other bridges, and draw it
	@scripts/bench

bench-rust: ## the Rust crate beside its peers, with a table of ratios
	@scripts/bench-rust

contract: ## call from every context, with the peers, and write the table
	@scripts/contract

compare: ## twins beside what other tools make, tried, and the page of it
	@scripts/comparison

peers: ## libraries with bridges of their own on ours: their tests, costs, hazards, in a table
	@scripts/peers

docs: ## the site, its links and its pages looked at
	@scripts/docs

screenshots: ## the built site's pages in a browser, each on four screens
	@scripts/screenshots

pictures: ## the pictures of the documents, drawn anew
	@scripts/pictures

matrix: ## the suite on every interpreter found
	@scripts/matrix

mutants: ## seed faults, and list those that no test finds
	@scripts/mutants

platforms: ## compile everything for Windows, macOS and other Linuxes, with the lints
	@scripts/platforms

aarch64: ## Linux on arm64, emulated: the Rust tests, the wheel, the suite's quick half
	@scripts/other-linux aarch64-unknown-linux-gnu
	@scripts/aarch64 test
	@scripts/aarch64 pytest

musl: ## Linux with musl: the Rust tests, and the wheel on a CPython that is built with it
	@scripts/other-linux "$$(uname -m)-unknown-linux-musl"
	@scripts/musl test

release: ## all of a release that can be made here, tried: source archive, wheel, crates
	@scripts/release

package: ## the Rust crates as they would be published, each built from its package
	@scripts/package

lock: ## resolve the development requirements anew
	@scripts/lock

clean: ## remove what the targets have made
	rm -rf target .venv .venv-*
