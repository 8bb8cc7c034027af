# twopoint: build, test and measure.
#
#   make deps demo      install what is missing, build, and run the correlator on a shipped pair of case three
#   make check          build and run all tests (installs what only tests need, by deps-dev)
#   make lab bench bench-capture soak fuzz score lint golden install clean
#
# V=1 shows the commands. SANITIZE=address,undefined builds (and with check: tests) with those sanitizers, in a folder
# of their own. D3_JS=FILE embeds another D3 5 than Debian's. CPPFLAGS, CFLAGS, LDFLAGS, PREFIX, DESTDIR and
# SOURCE_DATE_EPOCH are respected.

VERSION   := 0.1.0
PREFIX    ?= /usr/local
BUILD     ?= build
CC        ?= cc
CLANG     ?= clang
CFLAGS    ?= -O2 -g
WERROR    ?=
SANITIZE  ?=
SEEDS     ?= 1-200
FUZZ_TIME ?= 600
SOAK_TIME ?= 3600
D3_JS     ?= /usr/share/nodejs/d3/dist/d3.min.js

# ---- what Debian has to give ----
DEPS      := gcc make pkg-config libc6-dev libpcap-dev libzstd-dev libssl-dev liblz4-dev zlib1g-dev libjansson-dev \
             libxxhash-dev node-d3 libcap-ng-dev libseccomp-dev
DEPS_DEV  := $(DEPS) check python3 python3-jsonschema tshark tcpdump openssl nftables iproute2 ethtool e2fsprogs zstd lz4 gzip mandoc \
             clang clang-format clang-tidy cppcheck libclang-rt-14-dev \
             nginx-light curl jq procps nodejs chromium $(if $(shell command -v npm 2>/dev/null),,npm)
PLAYWRIGHT := 1.65.1
DEPS_BENCH := $(DEPS_DEV) tcptrace time tcpreplay

# ---- how it is compiled ----
comma     := ,
PKGS      := libzstd liblz4 zlib libcrypto jansson libxxhash libcap-ng libseccomp
STD       := -std=c11 -D_POSIX_C_SOURCE=200809L
WARN      := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla \
             -Wno-unused-parameter $(if $(WERROR),-Werror)
SANFLAGS  := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CPP    = -I. -DTWOPOINT_VERSION='"$(VERSION)"' $(CPPFLAGS)
ALL_C      = $(STD) -pthread $(WARN) $(SANFLAGS) $(CFLAGS)
ALL_LD     = -pthread $(SANFLAGS) $(LDFLAGS)
LDLIBS     = -Wl,--as-needed -lpcap $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm
CHECKLIBS  = $(shell pkg-config --libs check 2>/dev/null)
Q         := $(if $(V),,@)
O         := $(BUILD)$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))

PAGE      := correlate/report/html
PAGE_SRC  := $(wildcard $(PAGE)/*)
PAGE_C    := $(BUILD)/html_assets.c
LIB_SRC   := $(wildcard common/*.c) $(filter-out capture/%main.c,$(wildcard capture/*.c)) \
             $(filter-out correlate/main.c,$(wildcard correlate/*.c correlate/*/*.c))
GEN_SRC   := $(wildcard fixtures/generate/*.c)
UNIT_SRC  := $(wildcard tests/unit/check_*.c)
UNIT_LIB  := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)
WIRE_LIB  := $(filter-out %/main.c,$(wildcard tests/lab/wire/*.c))
ALL_SRC   := $(LIB_SRC) correlate/main.c $(GEN_SRC) $(UNIT_SRC) $(UNIT_LIB) $(FUZZ_SRC) $(WIRE_LIB) \
             tests/lab/wire/main.c capture/verify_main.c capture/main.c $(wildcard tests/e2e/*.c)
ALL_H     := $(wildcard common/*.h capture/*.h correlate/*.h correlate/*/*.h fixtures/generate/*.h tests/unit/*.h tests/fuzz/*.h tests/lab/wire/*.h)
obj        = $(patsubst %.c,$(O)/obj/%.o,$(1))

CORRELATE := $(O)/twopoint-correlate
CAPTURE   := $(O)/twopoint-capture
GENERATE  := $(O)/twopoint-generate
WIRE      := $(O)/lab/wire
VERIFY    := $(O)/twopoint-verify
E2E_SRC   := $(wildcard tests/e2e/*.c)
E2E_TOOLS := $(patsubst tests/e2e/%.c,$(O)/e2e/%,$(E2E_SRC))
UNIT      := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_SRC))
FUZZERS   := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))

all: $(CORRELATE) $(VERIFY) $(CAPTURE)

# The page of --html: its parts and D3, embedded.
$(PAGE_C): $(PAGE_SRC) $(wildcard $(D3_JS))
	@mkdir -p $(@D)
	@echo "  PAGE  $@"
	$(Q)$(PAGE)/embed.sh $(PAGE) '$(D3_JS)' >$@.part && mv $@.part $@
$(O)/obj/html_assets.o: $(PAGE_C) correlate/report/html_assets.h
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_CPP) $(ALL_C) -c -o $@ $<

$(O)/libtwopoint.a: $(call obj,$(LIB_SRC)) $(O)/obj/html_assets.o
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(CORRELATE): $(call obj,correlate/main.c) $(O)/libtwopoint.a
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LDLIBS)
$(VERIFY): $(call obj,capture/verify_main.c) $(O)/libtwopoint.a
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LDLIBS)
$(O)/e2e/%: $(O)/obj/tests/e2e/%.o $(O)/libtwopoint.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LDLIBS)
$(CAPTURE): $(call obj,capture/main.c) $(O)/libtwopoint.a
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LDLIBS)
$(GENERATE): $(call obj,$(GEN_SRC)) $(O)/libtwopoint.a
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LDLIBS)
$(WIRE): $(call obj,$(WIRE_LIB) tests/lab/wire/main.c) $(O)/libtwopoint.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(LDLIBS)
$(O)/lab/vlan.o: tests/lab/vlan.bpf.c
	@mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -O2 -Wall -Wextra -c -o $@ $<
# the wire's modules have tests of their own, which need nothing of the generator
$(O)/unit/check_wire_%: $(O)/obj/tests/unit/check_wire_%.o $(call obj,$(WIRE_LIB)) $(O)/libtwopoint.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(CHECKLIBS) $(LDLIBS)
$(O)/unit/%: $(O)/obj/tests/unit/%.o $(call obj,$(UNIT_LIB)) $(call obj,$(filter-out fixtures/generate/main.c,$(GEN_SRC))) $(O)/libtwopoint.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(CHECKLIBS) $(LDLIBS)
$(O)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_CPP) $(ALL_C) -MMD -MP -c -o $@ $<
-include $(patsubst %.o,%.d,$(call obj,$(LIB_SRC) $(GEN_SRC) $(UNIT_SRC) $(UNIT_LIB) correlate/main.c \
                                     $(WIRE_LIB) tests/lab/wire/main.c capture/verify_main.c capture/main.c $(E2E_SRC)))

# ---- what people run ----
generate: $(GENERATE)
wire: $(WIRE) $(O)/lab/vlan.o

deps:
	$(Q)tests/apt.sh $(DEPS)
deps-dev:
	$(Q)tests/apt.sh $(DEPS_DEV)
	$(Q)tests/npm.sh $(BUILD)/node playwright-core@$(PLAYWRIGHT)
deps-bench:
	$(Q)tests/apt.sh $(DEPS_BENCH)

demo: $(CORRELATE)
	$(Q)$(CORRELATE) fixtures/case-three/client.pcapng.zst fixtures/case-three/server.pcapng.zst; \
	status=$$?; echo; echo "twopoint-correlate ended with exit status $$status (1: something was lost)"; [ $$status = 1 ]

check: deps-dev
	$(Q)$(MAKE) --no-print-directory check-only
check-only: $(CORRELATE) $(VERIFY) $(CAPTURE) $(GENERATE) $(E2E_TOOLS) wire $(UNIT)
	$(Q)tests/run.sh $(O)
unit: $(UNIT)
	$(Q)tests/run.sh --unit $(O)

score: $(CORRELATE) $(GENERATE)
	$(Q)python3 tests/score/sweep.py --generate $(GENERATE) --correlate $(CORRELATE) --seeds $(SEEDS) --scenarios all --jobs 2

LAB_KEEP  ?= $(O)/lab/failed
lab: deps-dev
	$(Q)$(MAKE) --no-print-directory lab-only
lab-only: $(CORRELATE) $(CAPTURE) wire
	$(Q)python3 tests/lab/lab.py --correlate $(CORRELATE) --wire $(WIRE) --keep $(LAB_KEEP)

bench: deps-bench $(CORRELATE) $(GENERATE)
	$(Q)tests/bench/bench.sh $(O)
bench-capture: deps-bench $(CAPTURE) $(GENERATE)
	$(Q)tests/bench/bench_capture.sh $(O)
soak: deps-bench $(CAPTURE) $(VERIFY)
	$(Q)tests/bench/soak.sh $(O) $(SOAK_TIME)

golden: $(CORRELATE) $(GENERATE)
	$(Q)sh tests/e2e/golden.sh --regenerate $(O)
	$(Q)sh tests/e2e/gallery.sh --regenerate $(O)

FUZZ_O    := $(BUILD)/fuzz/obj
FUZZ_CC    = $(CLANG) $(ALL_CPP) $(STD) -O1 -g -pthread -fsanitize=fuzzer-no-link,address,undefined \
             -fno-sanitize-recover=undefined
$(FUZZ_O)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  FUZZ  $<"
	$(Q)$(FUZZ_CC) -MMD -MP -c -o $@ $<
$(FUZZ_O)/html_assets.o: $(PAGE_C) correlate/report/html_assets.h
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) -c -o $@ $<
$(BUILD)/fuzz/%: $(FUZZ_O)/tests/fuzz/%.o $(patsubst %.c,$(FUZZ_O)/%.o,$(LIB_SRC)) $(FUZZ_O)/html_assets.o
	@echo "  LD    $@"
	$(Q)$(CLANG) -pthread -fsanitize=fuzzer,address,undefined -o $@ $^ $(LDLIBS)
-include $(patsubst %.c,$(FUZZ_O)/%.d,$(LIB_SRC) $(FUZZ_SRC))
fuzz-build: $(FUZZERS)
fuzz: deps-dev $(FUZZERS)
	$(Q)tests/fuzz/run.sh $(BUILD)/fuzz $(FUZZ_TIME)

lint: deps-dev
	$(Q)tests/lint.sh '$(ALL_SRC)' '$(ALL_H)' '$(VERSION)'

install: $(CORRELATE) $(VERIFY) $(CAPTURE)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/doc/twopoint
	install -m 755 $(CORRELATE) $(VERIFY) $(CAPTURE) $(DESTDIR)$(PREFIX)/bin/
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/sysusers.d
	sed 's|@BINDIR@|$(PREFIX)/bin|' capture/install/twopoint-capture@.service.in \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/twopoint-capture@.service
	install -m 644 capture/install/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/twopoint.conf
	install -m 644 docs/twopoint-capture.1 docs/twopoint-correlate.1 docs/twopoint-verify.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 README.md LICENSE docs/*.md docs/*.png $(DESTDIR)$(PREFIX)/share/doc/twopoint/

clean:
	rm -rf $(BUILD)

.PHONY: all generate wire deps deps-dev deps-bench demo check check-only unit score lab lab-only bench bench-capture soak golden fuzz fuzz-build lint install clean
.SECONDARY:
.DELETE_ON_ERROR:
