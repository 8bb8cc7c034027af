# twopoint: build, test and measure.  V=1 shows the commands; SANITIZE=address,undefined builds with sanitizers.

VERSION   := 0.1.0
PREFIX    ?= /usr/local
BUILD     ?= build
CC        ?= cc
CFLAGS    ?= -O2 -g
WERROR    ?=
SANITIZE  ?=

PKGS      := libzstd liblz4 zlib libcrypto jansson libxxhash
WARN      := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
             -Wvla -Wno-unused-parameter $(if $(WERROR),-Werror)
override CPPFLAGS += -I. -D_POSIX_C_SOURCE=200809L -DTWOPOINT_VERSION='"$(VERSION)"'
override CFLAGS   += -std=c11 -pthread $(WARN) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
override LDFLAGS  += -pthread $(if $(SANITIZE),-fsanitize=$(SANITIZE))
LDLIBS    := -lpcap $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm
Q         := $(if $(V),,@)
O         := $(BUILD)$(if $(SANITIZE),/sanitize-$(subst $(comma),-,$(SANITIZE)))
comma     := ,

LIB_SRC   := $(wildcard common/*.c) $(filter-out correlate/main.c,$(wildcard correlate/*.c correlate/*/*.c))
GEN_SRC   := $(wildcard fixtures/generate/*.c)
UNIT_SRC  := $(wildcard tests/unit/check_*.c)
UNIT_LIB  := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
obj        = $(patsubst %.c,$(O)/obj/%.o,$(1))

CORRELATE := $(O)/twopoint-correlate
GENERATE  := $(O)/twopoint-generate
UNIT      := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_SRC))

all: $(CORRELATE)
$(O)/libtwopoint.a: $(call obj,$(LIB_SRC))
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(CORRELATE): $(call obj,correlate/main.c) $(O)/libtwopoint.a
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(GENERATE): $(call obj,$(GEN_SRC)) $(O)/libtwopoint.a
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(O)/unit/%: $(O)/obj/tests/unit/%.o $(call obj,$(UNIT_LIB)) $(O)/libtwopoint.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs check) $(LDLIBS)
$(O)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
-include $(patsubst %.o,%.d,$(call obj,$(LIB_SRC) $(GEN_SRC) $(UNIT_SRC) $(UNIT_LIB) correlate/main.c))

generate: $(GENERATE)
unit: $(UNIT)
	$(Q)for t in $(UNIT); do $$t || exit 1; done
clean:
	rm -rf $(BUILD)
.PHONY: all generate unit clean
.SECONDARY:
