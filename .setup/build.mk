# One configuration's build:  make -f .setup/build.mk CONFIG=linux [all|units|helpers|benches|fuzzers|tidy]
#
# The Makefile calls this file once for each configuration it needs; nothing here is listed by name, so a new
# module, room file, test or fuzz target needs no change. What is found where:
#
#   broker/<room>/*.c                every host; .../posix/*.c only on Linux, .../windows/*.c (and *.rc) only on Windows
#   broker/<room>/gen_NAME.awk       with NAME.txt beside it: awk -f gen_NAME.awk NAME.txt -> gen/<room>/NAME.c of that room
#   client/lib, client/etwctl        the same folders-by-host rule; client/etwclient.def lists what the library exports
#   client/example.c                 linked with the shared library, as a user would
#   tests/etlgen/*.c                 libetlgen.a (all but main.c) and the program etlgen
#   tests/unit/<room>/*.c            one Criterion program, tests/unit_<room>; tests/unit/common/*.c is linked to each
#   tests/e2e/*.c, tests/torture/*.c, tests/bench/bench_*.c      one program a file: e2e_NAME, torture_NAME, bench_NAME
#   tests/fuzz/fuzz_*.c              one libFuzzer program a file (CONFIG=fuzz)

CONFIG ?= linux
ifeq ($(filter $(CONFIG),linux linux-clang linux-asan linux-tsan fuzz win64),)
$(error CONFIG=$(CONFIG) is none of linux linux-clang linux-asan linux-tsan fuzz win64)
endif
ifndef ETW_VERSION
$(error ETW_VERSION is set by the Makefile: use 'make build-$(CONFIG)')
endif

B  := build/$(CONFIG)
TP := build/third_party

# From left to right in the order in which an event travels; .setup/check-layers.sh knows the same list.
ROOMS         := util platform event wire source schema enrich policy route watch profile serve main
BROKER_ROOMS  := $(filter-out serve main,$(ROOMS))
CLIENT_ROOMS  := util platform event wire

# ---- Tools and flags -------------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wconversion -Wshadow -Werror -Wformat=2 -Wvla -Wundef -Wpointer-arith -Wwrite-strings \
        -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wimplicit-fallthrough
WARN_GCC := -Wduplicated-cond
WARN_CLANG := -Wno-string-conversion

CPPFLAGS := -I. -Ibroker -DETW_VERSION='"$(ETW_VERSION)"'
CFLAGS   := -std=c11 -O2 -g -fno-omit-frame-pointer -fstack-protector-strong $(WARN)
LDFLAGS  :=

# inih, on both hosts from one pinned source: its defaults cut lines and sections short and go on after an error,
# which in a policy file turns a typing error into a grant. No line or name may be cut; the first error ends it.
INIH := -DINI_USE_STACK=0 -DINI_ALLOW_REALLOC=1 -DINI_INITIAL_ALLOC=1024 -DINI_MAX_LINE=65536 \
        -DINI_STOP_ON_FIRST_ERROR=1 -DINI_ALLOW_MULTILINE=0 -DINI_CALL_HANDLER_ON_NEW_SECTION=1 \
        -DINI_HANDLER_LINENO=1
CPPFLAGS += -isystem $(TP)/inih $(INIH)
TP_OBJ := $(B)/obj/third_party/inih/ini.o

ifeq ($(CONFIG),win64)
  HOST := windows
  EXE  := .exe
  CROSS   := x86_64-w64-mingw32-
  CC      := $(CROSS)gcc
  AR      := $(CROSS)gcc-ar
  WINDRES := $(CROSS)windres
  # __USE_MINGW_ANSI_STDIO: printf knows %zu and %llu; -static: the stack protector needs libssp, and one file to copy.
  CPPFLAGS += -D_WIN32_WINNT=0x0A00 -DWINVER=0x0A00 -DUNICODE -D_UNICODE -D__USE_MINGW_ANSI_STDIO=1 \
              -isystem $(TP) -isystem $(TP)/expat/lib -DXML_STATIC -DCJSON_HIDE_SYMBOLS
  CFLAGS   += $(WARN_GCC)
  LDFLAGS  += -static -fstack-protector-strong -Wl,--dynamicbase,--nxcompat,--high-entropy-va
  LIBS     := -lws2_32 -ladvapi32 -lbcrypt -lole32 -luuid
  TP_OBJ   += $(addprefix $(B)/obj/third_party/,cjson/cJSON.o expat/lib/xmlparse.o expat/lib/xmlrole.o expat/lib/xmltok.o)
  SHARED   := etwclient.dll
  # By its name: -static would make -letwclient the static library.
  LINK_AS_USER := $(B)/libetwclient.dll.a
else
  HOST := posix
  EXE  :=
  CC   := gcc
  AR   := ar
  # One set of objects serves the programs and the shared library.
  CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
  CFLAGS   += -fPIC -pthread
  LDFLAGS  += -pthread -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed
  LIBS     := -lcjson -lexpat -lm
  SHARED   := libetwclient.so
  LINK_AS_USER := -L$(B) -letwclient -Wl,-rpath,'$$ORIGIN'
endif

# Criterion; where it cannot be (Wine, and the thread sanitizer's memory map) a header of ours with the same macros.
ifneq ($(filter win64 linux-tsan,$(CONFIG)),)
  TEST_CPPFLAGS := -Itests -Itests/shim
  SHIM_SRC      := $(wildcard tests/shim/*.c tests/shim/$(HOST)/*.c)
else
  TEST_CPPFLAGS := -Itests
  TEST_LIBS     := -lcriterion
endif

HARDEN := -D_FORTIFY_SOURCE=2 -fstack-clash-protection -fcf-protection
SAN    := -fno-sanitize-recover=all
ifeq ($(CONFIG),linux)
  CFLAGS += $(HARDEN) $(WARN_GCC)
else ifeq ($(CONFIG),linux-clang)
  CC := clang
  CFLAGS += $(HARDEN) $(WARN_CLANG)
else ifeq ($(CONFIG),linux-asan)
  CC := clang
  CFLAGS  += $(WARN_CLANG) -fsanitize=address,undefined $(SAN)
  LDFLAGS += -fsanitize=address,undefined
else ifeq ($(CONFIG),linux-tsan)
  CC := clang
  CFLAGS  += $(WARN_CLANG) -fsanitize=thread
  LDFLAGS += -fsanitize=thread
else ifeq ($(CONFIG),fuzz)
  CC := clang
  CFLAGS  += $(WARN_CLANG) -fsanitize=address,undefined,fuzzer-no-link $(SAN) -DETW_FUZZING=1
  LDFLAGS += -fsanitize=address,undefined
endif

# ---- What there is ---------------------------------------------------------------------------------------------

# c_in,FOLDER: its sources for this host. obj,SOURCES: their objects.
c_in = $(wildcard $1/*.c $1/$(HOST)/*.c)
rc_in = $(if $(filter windows,$(HOST)),$(wildcard $1/windows/*.rc))
obj  = $(patsubst %.c,$(B)/obj/%.o,$(filter %.c,$1)) $(patsubst %.rc,$(B)/obj/%.res.o,$(filter %.rc,$1))

# gen_in,ROOM: the C files generated from NAME.txt by gen_NAME.awk.
gen_in = $(foreach g,$(patsubst broker/$1/gen_%.awk,%,$(wildcard broker/$1/gen_*.awk)),\
            $(if $(wildcard broker/$1/$g.txt),$(B)/gen/$1/$g.c))
gen_obj = $(patsubst $(B)/gen/%.c,$(B)/obj/gen/%.o,$(call gen_in,$1))

room_obj = $(call obj,$(call c_in,broker/$1)) $(call gen_obj,$1)

BROKER_OBJ := $(strip $(foreach r,$(BROKER_ROOMS),$(call room_obj,$r)))
SERVE_OBJ  := $(strip $(call room_obj,serve))
MAIN_OBJ   := $(strip $(call room_obj,main) $(call obj,$(call rc_in,broker/main)))
SHARED_ROOM_OBJ := $(strip $(foreach r,$(CLIENT_ROOMS),$(call room_obj,$r)))
CLIENT_OBJ := $(strip $(call obj,$(call c_in,client/lib)))
CLIENT_RES := $(strip $(call obj,$(call rc_in,client/lib)))
ETWCTL_OBJ := $(strip $(call obj,$(call c_in,client/etwctl) $(call rc_in,client/etwctl)))
ETLGEN_OBJ := $(call obj,$(filter-out tests/etlgen/main.c,$(call c_in,tests/etlgen)))

LIBBROKER := $(B)/libbroker.a
LIBSERVE  := $(B)/libserve.a
LIBETLGEN := $(B)/libetlgen.a
LIBCLIENT := $(B)/libetwclient.a
LIBTP     := $(B)/libthird_party.a
# Only what can be built: a room without sources yet, or a library without its .def, is left out.
HAVE_DLL := $(if $(CLIENT_OBJ),$(wildcard client/etwclient.def))
PROGRAMS := $(if $(MAIN_OBJ),$(B)/etwbroker$(EXE)) $(if $(ETWCTL_OBJ),$(B)/etwctl$(EXE)) \
            $(if $(wildcard tests/etlgen/main.c),$(B)/etlgen$(EXE)) \
            $(if $(HAVE_DLL),$(B)/$(SHARED) $(if $(wildcard client/example.c),$(B)/example$(EXE)))

one_each = $(patsubst tests/$1/%.c,$(B)/$3%$(EXE),$(wildcard tests/$1/$2*.c))
UNIT_ROOMS := $(foreach r,$(filter-out common,$(patsubst tests/unit/%/,%,$(wildcard tests/unit/*/))),\
                 $(if $(call c_in,tests/unit/$r),$r))
UNITS   := $(UNIT_ROOMS:%=$(B)/tests/unit_%$(EXE))
E2E     := $(call one_each,e2e,,e2e_)
TORTURE := $(call one_each,torture,,torture_)
BENCHES := $(call one_each,bench,bench_,)
FUZZERS := $(call one_each,fuzz,fuzz_,)

.PHONY: all libraries units helpers benches fuzzers tidy list-units
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SECONDARY:
all: libraries $(PROGRAMS)
	@:
libraries: $(LIBBROKER) $(LIBSERVE) $(LIBETLGEN) $(LIBCLIENT) $(LIBTP)
units: $(UNITS)
list-units: ; @echo $(UNITS)
helpers: $(E2E) $(TORTURE)
benches: $(BENCHES)
fuzzers: $(FUZZERS)

# ---- Objects ---------------------------------------------------------------------------------------------------

RULES := Makefile .setup/build.mk
COMPILE = $(CC) $(CPPFLAGS) $(CFLAGS) $(EXTRA) -MMD -MP -c $< -o $@

$(B)/obj/%.o: %.c $(RULES)
	@mkdir -p $(@D)
	@echo '  CC    $(CONFIG) $<'
	@$(COMPILE)

$(B)/obj/tests/%.o: CPPFLAGS += $(TEST_CPPFLAGS)
$(B)/obj/tests/fuzz/%.o: EXTRA := -Wno-missing-prototypes

$(B)/obj/gen/%.o: $(B)/gen/%.c $(RULES)
	@mkdir -p $(@D)
	@echo '  CC    $(CONFIG) gen/$*.c'
	@$(COMPILE)

$(B)/gen/%.c: broker/$$(dir $$*)gen_$$(notdir $$*).awk broker/%.txt
	@mkdir -p $(@D)
	@echo '  GEN   $(CONFIG) gen/$*.c'
	@LC_ALL=C awk -f $< broker/$*.txt >$@

# Other people's sources: as they are, without our warnings.
$(B)/obj/third_party/%.o: $(TP)/%.c $(RULES)
	@mkdir -p $(@D)
	@echo '  CC    $(CONFIG) third_party/$*.c'
	@$(CC) $(CPPFLAGS) $(filter-out -W%,$(CFLAGS)) -w -MMD -MP -c $< -o $@

$(B)/obj/%.res.o: %.rc $(RULES)
	@mkdir -p $(@D)
	@echo '  RC    $(CONFIG) $<'
	@$(WINDRES) -I. -DETW_VERSION='\"$(ETW_VERSION)\"' $< $@

# ---- Libraries -------------------------------------------------------------------------------------------------

# The list of objects is itself a prerequisite: a removed or renamed source must leave the libraries as well.
OBJECT_LIST := $(B)/objects.txt
$(shell mkdir -p $(B)/tests && echo '$(BROKER_OBJ) : $(SERVE_OBJ) : $(MAIN_OBJ) : $(CLIENT_OBJ) : $(ETWCTL_OBJ) : $(ETLGEN_OBJ)' \
        >$(OBJECT_LIST).new && if cmp -s $(OBJECT_LIST).new $(OBJECT_LIST); then rm $(OBJECT_LIST).new; \
        else mv $(OBJECT_LIST).new $(OBJECT_LIST); fi)

$(LIBBROKER): $(BROKER_OBJ)
$(LIBSERVE):  $(SERVE_OBJ)
$(LIBETLGEN): $(ETLGEN_OBJ)
$(LIBTP):     $(TP_OBJ)
# For others to link: with all that it needs, but what the distribution has as a library.
$(LIBCLIENT): $(CLIENT_OBJ) $(SHARED_ROOM_OBJ) $(TP_OBJ)
$(B)/%.a: $(OBJECT_LIST)
	@echo '  AR    $@'
	@rm -f $@
	@$(AR) rcs $@ $(filter %.o,$^)

# Exports come from the one .def on both hosts; everything else in the library is local.
$(B)/etwclient.map: client/etwclient.def
	@awk 'BEGIN { print "ETWCLIENT_0 { global:" } \
	      /^[ \t]*EXPORTS/ { on = 1; next } \
	      on && match($$0, /[A-Za-z_][A-Za-z0-9_]*/) && $$0 !~ /^[ \t]*;/ { print "  " substr($$0, RSTART, RLENGTH) ";" } \
	      END { print "local: *; };" }' $< >$@

$(B)/libetwclient.so: $(CLIENT_OBJ) $(SHARED_ROOM_OBJ) $(LIBTP) $(B)/etwclient.map $(OBJECT_LIST)
	@echo '  LINK  $@'
	@$(CC) -shared $(filter-out -pie,$(LDFLAGS)) $(if $(findstring -fsanitize,$(LDFLAGS)),,-Wl,-z,defs) -Wl,-Bsymbolic \
	    -Wl,-soname,libetwclient.so.0 -Wl,--version-script,$(B)/etwclient.map $(filter %.o,$^) $(LIBTP) $(LIBS) -o $@
	@ln -sf libetwclient.so $(B)/libetwclient.so.0

$(B)/etwclient.dll: $(CLIENT_OBJ) $(CLIENT_RES) $(SHARED_ROOM_OBJ) $(LIBTP) client/etwclient.def $(OBJECT_LIST)
	@echo '  LINK  $@'
	@$(CC) -shared $(LDFLAGS) $(filter %.o,$^) $(LIBTP) client/etwclient.def -Wl,--out-implib,$(B)/libetwclient.dll.a \
	    $(LIBS) -o $@

# ---- Programs --------------------------------------------------------------------------------------------------

# Archives stand from users to used; each is searched once.
LINK = $(CC) $(LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) $(PROGRAM_LIBS) $(LIBS) -o $@
EVERYTHING := $(CLIENT_OBJ) $(LIBETLGEN) $(LIBSERVE) $(LIBBROKER) $(LIBTP)

$(B)/etwbroker$(EXE): $(MAIN_OBJ) $(LIBSERVE) $(LIBBROKER) $(LIBTP)
$(B)/etwctl$(EXE): $(ETWCTL_OBJ) $(CLIENT_OBJ) $(LIBBROKER) $(LIBTP)
$(B)/etlgen$(EXE): $(call obj,tests/etlgen/main.c) $(LIBETLGEN) $(LIBBROKER) $(LIBTP)
$(UNITS): PROGRAM_LIBS = $(TEST_LIBS)
$(UNITS): $(B)/tests/unit_%$(EXE): $$(call obj,$$(call c_in,tests/unit/$$*)) \
          $(call obj,$(call c_in,tests/unit/common) $(SHIM_SRC)) $(EVERYTHING)
$(E2E):     $(B)/e2e_%$(EXE):     $(B)/obj/tests/e2e/%.o     $(EVERYTHING)
$(TORTURE): $(B)/torture_%$(EXE): $(B)/obj/tests/torture/%.o $(EVERYTHING)
$(BENCHES): $(B)/%$(EXE):         $(B)/obj/tests/bench/%.o   $(EVERYTHING)
$(FUZZERS): LDFLAGS += -fsanitize=fuzzer
$(FUZZERS): $(B)/%$(EXE):         $(B)/obj/tests/fuzz/%.o    $(EVERYTHING)

$(filter-out $(B)/$(SHARED) $(B)/example$(EXE),$(PROGRAMS)) $(UNITS) $(E2E) $(TORTURE) $(BENCHES) $(FUZZERS): $(OBJECT_LIST)
	@echo '  LINK  $@'
	@$(LINK)

$(B)/example$(EXE): $(call obj,client/example.c) $(B)/$(SHARED)
	@echo '  LINK  $@'
	@$(CC) $(LDFLAGS) $(filter %.o,$^) $(LINK_AS_USER) -o $@

# ---- clang-tidy ------------------------------------------------------------------------------------------------

# A stamp hangs on the object, so that a file is read again exactly when it or one of its headers has changed.
# The Windows build reads only what the Linux build cannot.
TIDY_SRC := $(foreach r,$(ROOMS),$(call c_in,broker/$r)) $(call c_in,client/lib) $(call c_in,client/etwctl) \
            $(wildcard client/example.c) $(call c_in,tests/etlgen)
ifeq ($(HOST),windows)
  TIDY_SRC   := $(foreach f,$(TIDY_SRC) $(SHIM_SRC),$(if $(findstring /windows/,$f),$f))
  TIDY_FLAGS := --target=x86_64-w64-windows-gnu
endif
tidy: $(TIDY_SRC:%.c=$(B)/tidy/%.ok)
$(B)/tidy/%.ok: %.c $(B)/obj/%.o .clang-tidy
	@mkdir -p $(@D)
	@echo '  TIDY  $<'
	@clang-tidy --quiet $< -- $(TIDY_FLAGS) $(CPPFLAGS) $(TEST_CPPFLAGS) -std=c11 2>$@.log >$@.out || { cat $@.out $@.log; exit 1; }
	@touch $@

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
