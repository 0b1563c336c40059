# SPDX-License-Identifier: GPL-2.0
#
# Oxtooth: the Linux Bluetooth core in Rust. `make help` lists the targets.
# The kernel's build reads Kbuild, not this file; the work is done by scripts/ox.

# Not set here: the targets differ in their default (soak takes both kernels).
OX       := scripts/ox

export KERNEL STACK KDIR OUT

.DEFAULT_GOAL := help
.PHONY: help setup modules run shell testers check soak bench fuzz doc intree \
	debug-kernel fmt buildroot clean vm

help:
	@echo 'Oxtooth: the Linux Bluetooth core in Rust'
	@echo
	@echo '  make run        set up, build, boot with our bluetooth.ko and show a controller'
	@echo '  make check      every test; the last line counts them'
	@echo '  make modules    build the modules (KDIR= a configured 7.3 tree, or KERNEL=debian|debug)'
	@echo '  make shell      a prompt in a virtual machine with the modules in place'
	@echo '  make testers    T=mgmt,l2cap STACK=rust|c KERNEL=debian|debug: the BlueZ testers'
	@echo '  make soak       DURATION=minutes, REPEAT=n, ONLY=, KERNEL=: the tests again and again on both kernels'
	@echo '  make bench      T=l2cap-tx,echo or T=usb PAIRS=n PROFILE=1: instructions per unit of work beside the C core'
	@echo '  make fuzz       T=target,target SECONDS=n for each: libFuzzer over formats and engines'
	@echo '  make doc        the crates'\'' documentation'
	@echo '  make intree     TREE=path: put the sources into an unpacked 7.3 source'
	@echo '  make setup      only the set-up (KERNEL=debug: the debug kernel, too)'
	@echo '  make fmt        rustfmt over the sources'
	@echo '  make clean      remove this checkout'\''s objects and logs'
	@echo
	@echo '  KERNEL=debian   the distribution'\''s own kernel (default)'
	@echo '  KERNEL=debug    KASAN, lockdep, kmemleak, debug objects, overflow checks'
	@echo '  STACK=c         the kernel'\''s own bluetooth.ko, to compare with'
	@echo '  OUT=folder      objects and logs there instead of in the cache'
	@echo '  OXTOOTH_CACHE=  the cache (default: the XDG cache folder)'

setup:
	@$(OX) setup

debug-kernel:
	@$(OX) setup --kernel debug

modules:
	@$(OX) modules

buildroot:
	@$(OX) buildroot

run:
	@$(OX) run

shell:
	@$(OX) shell

vm:
	@$(OX) vm '$(CMD)'

testers:
	@$(OX) testers $(if $(T),--only '$(T)')

check:
	@$(OX) check $(if $(ONLY),--only '$(ONLY)')

soak:
	@$(OX) soak $(if $(DURATION),--minutes '$(DURATION)') $(if $(REPEAT),--repeat '$(REPEAT)') $(if $(ONLY),--only '$(ONLY)')

doc:
	@$(OX) doc

fmt:
	@$(OX) fmt

intree:
	@$(OX) intree $(if $(TREE),'$(TREE)')

bench:
	@$(OX) bench $(if $(T),--only '$(T)') $(if $(PAIRS),--pairs '$(PAIRS)') $(if $(PROFILE),--profile)

fuzz:
	@$(OX) fuzz $(if $(T),--only '$(T)') $(if $(SECONDS),--seconds '$(SECONDS)')

clean:
	@$(OX) clean

