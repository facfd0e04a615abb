# Targets for development. The Makefile includes this file.

demo:
	scripts/demo

test:
	scripts/test

# Compares the speed of Cyrus's client and this one: docs/performance.md. Needs some gigabytes of
# memory or of $TMPDIR. Takes an hour, or some minutes with QUICK=1. BENCH has options and names of
# cases.
bench:
	scripts/setup
	$(CARGO) build --release --locked --bin sync_client
	$(CARGO) build --release --locked -p cyrsync-lab --bin bench
	target/release/bench $(if $(QUICK),--quick) --json target/bench.json $(BENCH)

# Runs the same benchmark, and writes the table and the picture of docs/performance.md.
bench-docs:
	$(MAKE) bench BENCH='--docs docs/performance.md $(BENCH)'

# Measures the speed of parsers, CRCs and the compressor, each without the rest of the client.
bench-micro:
	$(CARGO) test --release --locked --lib micro::table -- --ignored --nocapture

# Tests the C programs of c-tests with gcc, clang, AddressSanitizer and valgrind. The C programs
# that need servers are run by tests/embedding/c_programs.rs instead.
c-tests:
	scripts/setup
	$(CARGO) build --locked
	$(MAKE) -C c-tests LIBDIR=../target/debug check-all

# Runs all tests of the C ABI: the C programs, header, installation, cyrus-host, and the tests of
# replication with the library inside a process of Cyrus. CI runs the same tests.
capi: c-tests embedded
	$(CARGO) test --locked --lib capi
	$(CARGO) test --locked --test house header \
		&& $(CARGO) test --locked --test embedding

# Runs the simulator of src/sim: one history for each seed from FIRST on. A million histories take
# about 30 minutes on two cores.
HISTORIES ?= 1000000
FIRST ?= 0
simulate:
	CYRSYNC_SIM_HISTORIES=$(HISTORIES) CYRSYNC_SIM_FIRST=$(FIRST) $(CARGO) test --release --locked \
		--lib sim::tests::causes -- --ignored --nocapture

# Measures how long a new message takes to reach the replica in rolling mode, for Cyrus's client and
# this one. Takes eight minutes.
lag:
	scripts/setup
	$(CARGO) build --release --locked --bin sync_client
	$(CARGO) build --release --locked -p cyrsync-lab --bin lag
	target/release/lag $(LAG)

# Runs the tests of replication with the library inside a process of Cyrus: docs/embedding.md. TESTS
# has parts of test names.
embedded:
	scripts/setup
	scripts/embedded $(TESTS)

# Tests other versions of Cyrus. First makes a directory tree for each (scripts/trees), then runs
# tests/versions and the tests of tests/program/check_config and tests/embedding/cyrus_host that need the trees. The
# Debian release with 3.12 is not stable yet. If its tree cannot be made, reports that and skips
# this version.
versions:
	scripts/setup
	scripts/trees bullseye trixie
	skip=; scripts/trees forky || { skip='--skip 3_12'; echo 'Cyrus 3.12 is left out' >&2; }; \
	$(CARGO) test --locked --test versions --test program --test embedding -- \
		--ignored --skip packages:: $$skip

# Tests GSSAPI, DIGEST-MD5 and security layers through libsasl2, on real servers.
sasl2:
	scripts/setup sasl2
	$(CARGO) clippy --locked --features libsasl2 --lib --bins --test transport -- -D warnings
	$(CARGO) test --locked --features libsasl2 --lib sasl
	$(CARGO) test --locked --features libsasl2 --test transport --test program -- sasl2:: install::

# Downloads the crates for a build without a network. scripts/release uses them.
vendor:
	$(CARGO) vendor --locked --versioned-dirs vendor

# Builds the Debian packages without a network, compares the builds from two directories, and tests
# the packages in Debian 12 and 13.
packages:
	scripts/packages

# Tests all pages of docs/guides: runs their commands line by line on real servers.
guides:
	scripts/setup
	scripts/trees trixie
	$(CARGO) test --locked --test program guides:: -- --include-ignored

# Runs both commands of README in a minimal Debian 12 and Debian 13, as root and as an ordinary user
# with sudo. Each takes as long as the tests: some hours in total.
fresh:
	scripts/fresh demo test
	scripts/fresh --user demo test
	scripts/fresh --release trixie demo test
	scripts/fresh --release trixie --user demo test

# Runs each fuzz target for TIME seconds: docs/testing.md.
fuzz:
	TIME=$(or $(TIME),60) scripts/fuzz $(TARGETS)

# Generates include/cyrsync.h from src/capi.
header:
	CYRSYNC_UPDATE=1 $(CARGO) test --locked --test house the_committed_header_is_the_generated_one

fmt:
	$(CARGO) fmt --all

clippy:
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

clean:
	$(CARGO) clean

.PHONY: demo test bench bench-docs bench-micro c-tests capi lag embedded versions sasl2 vendor packages guides fresh fuzz header fmt clippy clean simulate
