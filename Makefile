# Builds and installs a release. For development, use cargo itself.
#
#   make && make install PREFIX=/usr DESTDIR=/tmp/package
#
# `make install` strips the binaries. `make install-debug` keeps the debug information.

PREFIX ?= /usr/local
prefix ?= $(PREFIX)
sbindir ?= $(prefix)/sbin
libdir ?= $(prefix)/lib
includedir ?= $(prefix)/include
mandir ?= $(prefix)/share/man
docdir ?= $(prefix)/share/doc/cyrsync
completionsdir ?= $(prefix)/share/bash-completion/completions
DESTDIR ?=

CARGO ?= cargo
INSTALL ?= install
STRIP ?= strip
BUILT ?= target/release
# Additional features of Cargo.toml, besides the default ones: make FEATURES=libsasl2
FEATURES ?=
SONAME = libcyrsync.so.0
# The libraries that Rust's standard library needs, from `rustc --print native-static-libs`.
STATIC_LIBS = -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
# The feature libsasl2 needs one more library. libcyrsync.so contains its name if it was built with
# this feature.
sasl2_libs = $(if $(shell grep -l 'libsasl2\.so' $(BUILT)/libcyrsync.so 2>/dev/null),-lsasl2)

# The documentation keeps the layout of the sources, because pages link to each other.
units = $(wildcard contrib/systemd/*.service)
doc_files = $(wildcard *.md docs/*.* docs/guides/* docs/img/* examples/* contrib/prometheus/* \
	contrib/grafana/*) cyrus-host/README.md packaging/FREEBSD.md
doc_dirs = $(sort $(dir $(doc_files) $(units)))

version := $(shell sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)

# Builds with neutral paths instead of this machine's paths, so that the same sources give the same
# bytes in any directory (docs/packaging.md).
all:
	CARGO="$(CARGO)" scripts/release $(if $(FEATURES),--features "$(FEATURES)")

include scripts/dev.mk

# Packagers expect a target of this name.
install-strip: install

install: install-debug
	$(STRIP) --strip-unneeded $(DESTDIR)$(sbindir)/sync_client \
		$(DESTDIR)$(libdir)/libcyrsync.so.$(version)
	$(STRIP) --strip-debug --enable-deterministic-archives $(DESTDIR)$(libdir)/libcyrsync.a

install-debug:
	$(INSTALL) -d $(DESTDIR)$(sbindir) $(DESTDIR)$(libdir)/pkgconfig $(DESTDIR)$(includedir) \
		$(DESTDIR)$(mandir)/man5 $(DESTDIR)$(mandir)/man8 $(DESTDIR)$(completionsdir) \
		$(addprefix $(DESTDIR)$(docdir)/,$(doc_dirs))
	$(INSTALL) -m 755 $(BUILT)/sync_client $(DESTDIR)$(sbindir)/sync_client
	$(INSTALL) -m 644 $(BUILT)/libcyrsync.so $(DESTDIR)$(libdir)/libcyrsync.so.$(version)
	ln -sf libcyrsync.so.$(version) $(DESTDIR)$(libdir)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(libdir)/libcyrsync.so
	$(INSTALL) -m 644 $(BUILT)/libcyrsync.a $(DESTDIR)$(libdir)/libcyrsync.a
	$(INSTALL) -m 644 include/cyrsync.h $(DESTDIR)$(includedir)/cyrsync.h
	$(INSTALL) -m 644 docs/cyrsync-imapd.conf.5 $(DESTDIR)$(mandir)/man5/cyrsync-imapd.conf.5
	$(INSTALL) -m 644 docs/sync_client.8 $(DESTDIR)$(mandir)/man8/sync_client.8
	$(INSTALL) -m 644 contrib/completion/sync_client $(DESTDIR)$(completionsdir)/sync_client
	for file in $(doc_files); do \
		$(INSTALL) -m 644 $$file $(DESTDIR)$(docdir)/$$file || exit 1; \
	done
	for unit in $(units); do \
		sed 's|/usr/lib/cyrus/bin/sync_client|$(sbindir)/sync_client|' $$unit \
			> $(DESTDIR)$(docdir)/$$unit && chmod 644 $(DESTDIR)$(docdir)/$$unit || exit 1; \
	done
	sed -e 's|@prefix@|$(prefix)|; s|@libdir@|$(libdir)|; s|@includedir@|$(includedir)|' \
		-e 's|@version@|$(version)|; s|@static_libs@|$(strip $(sasl2_libs) $(STATIC_LIBS))|' \
		cyrsync.pc.in > $(DESTDIR)$(libdir)/pkgconfig/cyrsync.pc
	chmod 644 $(DESTDIR)$(libdir)/pkgconfig/cyrsync.pc

.PHONY: all install install-strip install-debug
