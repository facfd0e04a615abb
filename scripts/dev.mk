# Targets for development. The Makefile includes this file.

demo:
	scripts/demo

test:
	scripts/test

# Compares the speed of Cyrus's client and ours: docs/performance.md. Needs some gigabytes of memory
# or of $TMPDIR. Takes an hour, with QUICK=1 some minutes. BENCH: options and names of cases.
bench:
	scripts/setup
	$(CARGO) build --release --locked --bin sync_client
	$(CARGO) build --release --locked -p cyrsync-lab --bin bench
	target/release/bench $(if $(QUICK),--quick) --json target/bench.json $(BENCH)

# Runs the same benchmark, and writes the table and the picture of docs/performance.md.
bench-docs:
	$(MAKE) bench BENCH='--docs docs/performance.md $(BENCH)'

# Measures parsers, CRCs and the compressor separately.
bench-micro:
	$(CARGO) test --release --locked --lib micro::table -- --ignored --nocapture

# Tests the C programs with gcc, clang, AddressSanitizer and valgrind. tests/embedding.rs runs those
# that need servers.
c-tests:
	scripts/setup
	$(CARGO) build --locked
	$(MAKE) -C c-tests LIBDIR=../target/debug check-all

# Runs all tests of the C ABI: the C programs, header, installation, cyrus-host, and the scenarios
# with the engine inside a process of Cyrus. CI runs the same.
capi: c-tests embedded
	$(CARGO) test --locked --lib capi
	$(CARGO) test --locked --test header --test embedding --test install --test cyrus_host

# Runs histories of the simulator from seed FIRST on. A million take about 30 minutes on two cores.
HISTORIES ?= 1000000
FIRST ?= 0
simulate:
	CYRSYNC_SIM_HISTORIES=$(HISTORIES) CYRSYNC_SIM_FIRST=$(FIRST) $(CARGO) test --release --locked \
		--lib sim::tests::causes -- --ignored --nocapture

# Measures how long a message takes to the replica in rolling mode, with each client. Takes eight
# minutes.
lag:
	scripts/setup
	$(CARGO) build --release --locked --bin sync_client
	$(CARGO) build --release --locked -p cyrsync-lab --bin lag
	target/release/lag $(LAG)

# Runs the scenarios with the engine inside a process of Cyrus: docs/embedding.md. TESTS: parts of
# test names.
embedded:
	scripts/setup
	scripts/embedded $(TESTS)

# Tests other versions of Cyrus: makes their trees once, then runs tests/versions and the tests of
# tests/check_config and tests/cyrus_host that need the trees. The Debian release with 3.12 still
# changes. If its tree cannot be made, the target reports that and skips this version.
versions:
	scripts/setup
	scripts/trees bullseye trixie
	skip=; scripts/trees forky || { skip='--skip 3_12'; echo 'Cyrus 3.12 is left out' >&2; }; \
	$(CARGO) test --locked --test versions --test check_config --test cyrus_host -- \
		--ignored $$skip

# Tests GSSAPI, DIGEST-MD5 and security layers through libsasl2, on real servers.
sasl2:
	scripts/setup sasl2
	$(CARGO) clippy --locked --features libsasl2 --lib --bins --test sasl2 -- -D warnings
	$(CARGO) test --locked --features libsasl2 --lib sasl
	$(CARGO) test --locked --features libsasl2 --test sasl2 --test install

# Downloads the crates for a build without a network. scripts/release uses them.
vendor:
	$(CARGO) vendor --locked --versioned-dirs vendor

# Builds the Debian packages without a network, compares the builds from two directories, and tests
# the packages in Debian 12 and 13.
packages:
	scripts/packages

# Tests all of docs/guides, line by line on real servers.
guides:
	scripts/setup
	scripts/trees trixie
	$(CARGO) test --locked --test guides -- --include-ignored

# Runs both commands of README in a minimal Debian 12 and Debian 13, as root and as an ordinary user
# with sudo. Each takes as long as the tests: some hours in total.
fresh:
	scripts/fresh demo test
	scripts/fresh --user demo test
	scripts/fresh --release trixie demo
	scripts/fresh --release trixie --user demo

# Runs each fuzz target for TIME seconds: docs/testing.md.
fuzz:
	TIME=$(or $(TIME),60) scripts/fuzz $(TARGETS)

# Generates include/cyrsync.h from src/capi again.
header:
	CYRSYNC_UPDATE=1 $(CARGO) test --locked --test header the_committed_header_is_the_generated_one

fmt:
	$(CARGO) fmt --all

clippy:
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

clean:
	$(CARGO) clean

.PHONY: demo test bench bench-docs bench-micro c-tests capi lag embedded versions sasl2 vendor packages guides fresh fuzz header fmt clippy clean simulate
